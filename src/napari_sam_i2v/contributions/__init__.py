"""What ``napari.yaml`` names beside the widgets; napari is imported when used."""
