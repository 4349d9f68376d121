"""Two-way transformer between prompt tokens and image features (SAM appendix A)."""

from __future__ import annotations

from torch import Tensor, nn

from napari_sam_i2v.model.attention import Attention
from napari_sam_i2v.model.layers import MLP


class TwoWayBlock(nn.Module):
    """Tokens attend to each other and to the image; the image attends to tokens."""

    def __init__(self, width: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = Attention(width, heads, inner=width // 2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, feedforward, width, 2)
        self.norm3 = nn.LayerNorm(width)
        self.norm4 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = Attention(width, heads, inner=width // 2)

    def forward(
        self,
        tokens: Tensor,
        image: Tensor,
        token_position: Tensor,
        image_position: Tensor,
        first: bool,
    ) -> tuple[Tensor, Tensor]:
        """Update ``(B, N, C)`` tokens and ``(B, h * w, C)`` image.

        In the first block tokens still are their own positions, and there is nothing
        to keep of them.
        """
        if first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + token_position
            tokens = tokens + self.self_attn(q, q, tokens)
        tokens = self.norm1(tokens)

        keys = image + image_position
        tokens = tokens + self.cross_attn_token_to_image(
            tokens + token_position, keys, image
        )
        tokens = self.norm2(tokens)
        tokens = self.norm3(tokens + self.mlp(tokens))

        image = image + self.cross_attn_image_to_token(
            keys, tokens + token_position, tokens
        )
        return tokens, self.norm4(image)


class TwoWayTransformer(nn.Module):
    """Blocks, then a last look of the tokens at the image."""

    def __init__(self, width: int, depth: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            TwoWayBlock(width, heads, feedforward) for _ in range(depth)
        )
        self.final_attn_token_to_image = Attention(width, heads, inner=width // 2)
        self.norm_final_attn = nn.LayerNorm(width)

    def forward(
        self, tokens: Tensor, image: Tensor, image_position: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tokens ``(B, N, C)`` and image ``(B, h * w, C)``, both updated."""
        position = tokens
        for index, layer in enumerate(self.layers):
            tokens, image = layer(tokens, image, position, image_position, index == 0)
        tokens = tokens + self.final_attn_token_to_image(
            tokens + position, image + image_position, image
        )
        return self.norm_final_attn(tokens), image
