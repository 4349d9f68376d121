"""The family of SAM-I2V models, described by one frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """TinyViT image encoder (SAM-I2V section 3.1; TinyViT, ECCV 2022).

    Attributes
    ----------
    widths
        Channels of the four stages; the first is the convolutional one.
    depths
        Blocks of the four stages.
    heads
        Attention heads of the last three stages.
    windows
        Side of the attention windows of the last three stages, in tokens.
    classes
        Outputs of the ImageNet head, which nothing uses but released weights hold;
        0 for none.
    """

    widths: tuple[int, int, int, int] = (64, 128, 160, 320)
    depths: tuple[int, int, int, int] = (2, 2, 6, 2)
    heads: tuple[int, int, int] = (4, 5, 10)
    windows: tuple[int, int, int] = (7, 14, 7)
    classes: int = 1000


@dataclass(frozen=True, kw_only=True)
class TemporalConfig:
    """Temporal feature integrator (SAM-I2V section 3.2).

    Attributes
    ----------
    width
        Channels of the temporal features.
    window
        Frames seen at once, the current one last.
    taps
        Frames under the stem's kernel; odd.
    depth
        Blocks of each of the three temporal nets.
    """

    width: int = 96
    window: int = 5
    taps: int = 5
    depth: int = 3


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """Memory associator and memory prompt generator (SAM-I2V sections 3.3 and 3.4).

    Attributes
    ----------
    width
        Channels of a memory token; divides the model's width.
    layers
        Layers of memory attention.
    attention_width
        Width of the cross-attention to memory; ``None`` for the model's width.
    feedforward
        Hidden units of each layer's feed-forward net.
    self_attention
        Whether the layers attend within the frame before they attend to memory.
    mask_channels
        Channels of the mask downsampler after its first stride-2 convolution; each
        further one has four times as many.
    fuser_layers
        ConvNeXt blocks that fuse mask and features.
    prompts
        Tokens the memory prompt generator hands to the mask decoder.
    global_reach, local_reach
        A tracked frame is a local candidate up to ``local_reach`` frames back, a
        global one from there to ``global_reach``.
    global_frames, local_frames
        How many of either kind are attended to.
    conditioning_frames
        How many conditioning frames are attended to: the first and the nearest.
    last_mask
        Whether a frame that is tracked gets the mask of the frame before as a prompt,
        at full resolution, beside what it attends to (MaskTrack, Perazzi et al. 2017).
    """

    width: int = 64
    layers: int = 4
    attention_width: int | None = None
    feedforward: int = 512
    self_attention: bool = True
    mask_channels: int = 4
    fuser_layers: int = 2
    prompts: int = 3
    global_reach: int = 20
    local_reach: int = 4
    global_frames: int = 4
    local_frames: int = 2
    conditioning_frames: int = 8
    last_mask: bool = False

    @property
    def tracked_frames(self) -> int:
        """Tracked frames a full bank holds."""
        return self.global_frames + self.local_frames


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Mask decoder (SAM, ICCV 2023; SAM 2's object score).

    Attributes
    ----------
    depth, heads, feedforward
        Of the two-way transformer.
    pixel_widths
        Channels of the mask's features at twice and four times the grid; ``None`` for
        a quarter and an eighth of the model's width.
    high_res_features
        Whether encoder features finer than a token enter the mask logits.
    prompt_map
        Whether prompts are also drawn as dense maps, beside their tokens.
    refiner
        Channels of a U-Net from drawn prompts, fine features and tokens to mask pixels,
        at four, two and one times the grid; needs ``high_res_features`` and
        ``prompt_map``. ``None`` for no U-Net.
    """

    depth: int = 2
    heads: int = 8
    feedforward: int = 2048
    pixel_widths: tuple[int, int] | None = None
    high_res_features: bool = False
    prompt_map: bool = False
    refiner: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse a refiner that has nothing to see."""
        if self.refiner and not (self.high_res_features and self.prompt_map):
            raise ValueError(
                "decoder.refiner needs decoder.high_res_features and decoder.prompt_map"
            )


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """How the network likes to see a frame.

    Attributes
    ----------
    normalise
        ``imagenet`` (the released preprocessing), or ``view``: each view's window of
        frames is shifted and scaled to zero mean and unit deviation.
    diameters
        Side of a following view in object diameters.
    default
        View policy when the user leaves the choice to the model: ``frame``,
        ``objects`` or ``auto`` (by object size).
    """

    normalise: str = "imagenet"
    diameters: float = 3.2
    default: str = "auto"


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One member of the family. The defaults are the released SAM-I2V.

    Attributes
    ----------
    name
        Name of the member.
    input_size
        Side of the square the network sees, in pixels, 128 to 1024.
    token_stride
        Pixels per feature cell, 8 or 16.
    width
        Channels of the image features; a multiple of 4.
    """

    name: str = "sam-i2v"
    input_size: int = 1024
    token_stride: int = 16
    width: int = 256
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    temporal: TemporalConfig = field(default_factory=TemporalConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    view: ViewConfig = field(default_factory=ViewConfig)

    def __post_init__(self) -> None:
        if not 128 <= self.input_size <= 1024 or self.input_size % self.token_stride:
            raise ValueError(
                f"input_size is {self.input_size}; it must be 128 to 1024 and a "
                f"multiple of token_stride ({self.token_stride})"
            )
        if self.token_stride not in (8, 16):
            raise ValueError(f"token_stride is {self.token_stride}; 8 or 16 are known")
        if self.width % self.memory.width or self.width % 4:
            raise ValueError(
                f"width is {self.width}; it must be a multiple of 4 and of "
                f"memory.width ({self.memory.width})"
            )

    @property
    def grid(self) -> int:
        """Side of the feature map in tokens."""
        return self.input_size // self.token_stride

    @property
    def pixel_widths(self) -> tuple[int, int]:
        """Channels of the mask decoder's two finer maps."""
        return self.decoder.pixel_widths or (self.width // 4, self.width // 8)

    @property
    def mask_size(self) -> int:
        """Side of the decoder's mask logits: four to a token."""
        return 4 * self.grid
