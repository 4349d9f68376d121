"""Training in several processes, as ``torchrun`` starts them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model.devices import find_device


@dataclass(frozen=True)
class Ranks:
    """One process among those that train together.

    Attributes
    ----------
    device
        What this process computes on.
    rank, world
        Its number, and how many there are.
    """

    device: torch.device
    rank: int = 0
    world: int = 1

    @classmethod
    def join(cls, device: str) -> Ranks:
        """Join the other processes, if ``torchrun`` started any.

        Parameters
        ----------
        device
            ``auto``, ``cpu``, ``cuda`` or ``mps``; each process of a machine takes a
            GPU of its own.
        """
        found, world = find_device(device), int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls(found)
        if found.type == "cuda":
            found = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(found)
        dist.init_process_group("nccl" if found.type == "cuda" else "gloo")
        return cls(found, dist.get_rank(), world)

    @property
    def leads(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def rows(self, batch: int) -> slice:
        """Rows of a batch that are this process's."""
        if batch % self.world:
            raise InputError(
                f"a batch of {batch} cannot be shared by {self.world} processes; "
                f"make it a multiple of {self.world}"
            )
        share = batch // self.world
        return slice(self.rank * share, (self.rank + 1) * share)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Let backward passes average gradients over all processes."""
        if self.world == 1:
            return module
        # A step of single frames has no use for the memory's weights.
        return DistributedDataParallel(module, find_unused_parameters=True)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """Average a number over all processes."""
        if self.world == 1:
            return value
        value = value.detach().clone()
        dist.all_reduce(value)
        return value / self.world

    def any(self, flag: bool) -> bool:
        """Whether a flag is set in any process."""
        return bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def share(self, thing: object, source: int) -> object:
        """Give all processes what one of them has."""
        if self.world == 1:
            return thing
        box = [thing]
        dist.broadcast_object_list(box, source, device=self.device)
        return box[0]

    def leave(self) -> None:
        """End the group."""
        if self.world > 1:
            dist.destroy_process_group()
