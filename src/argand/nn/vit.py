"""A small vision Transformer (Dosovitskiy et al., ICLR 2021) for images of any size."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from argand.errors import ConfigError
from argand.nn.block import round_channels

_LONGEST_PERIOD = 10_000.0
"""Longest wavelength of the encoding divided by 2π, in tokens (Vaswani et al. 2017, section 3.5)."""


def position_code(rows: int, columns: int, dim: int) -> Float[Tensor, "token dim"]:
    """Sinusoidal position encoding of row and column at `dim` / 4 wavelengths each (Vaswani et al. 2017).

    Computed rather than learned, so that another image size needs no retraining. `dim` must be a multiple of
    4; tokens run along the rows.
    """
    quarter = dim // 4
    frequency = torch.exp(-math.log(_LONGEST_PERIOD) * torch.arange(quarter) / quarter)
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    angles = [place.reshape(-1, 1) * frequency for place in (row, column)]
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)


class Attention(nn.Module):
    """Multi-head self-attention of tokens [batch, token, dim]."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        """Attention output for each token."""
        batch, token, dim = x.shape
        split = self.query_key_value(x).view(batch, token, 3, self.heads, dim // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).reshape(batch, token, dim))


class TransformerBlock(nn.Module):
    """Attention and a two-layer network, each with layer normalisation and a residual connection."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attend = nn.Sequential(nn.LayerNorm(dim), Attention(dim, heads))
        self.think = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
        )

    def forward(self, x: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        """Tokens after this block."""
        x = x + self.attend(x)
        return x + self.think(x)


class VisionTransformer(nn.Module):
    """Transformer on patches of `patch` pixels: [batch, in_channels, slow, fast] to [batch, out_channels].

    Images are zero-padded at the far edges to a multiple of the patch size. `dim` is rounded up to a multiple
    of 16. Raises ConfigError if `heads` does not divide it. Defaults: width and heads of a small published
    model (192 and 3, Touvron et al., ICML 2021), patch size and depth by hand.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        patch: int = 20,
        dim: int = 192,
        depth: int = 6,
        heads: int = 3,
    ) -> None:
        super().__init__()
        dim = round_channels(dim)
        if dim % heads:
            raise ConfigError(f"{heads} heads do not divide {dim} dimensions; choose heads that do")
        self.patch = patch
        self.embed = nn.Conv2d(in_channels, dim, patch, stride=patch)
        self.blocks = nn.Sequential(*(TransformerBlock(dim, heads) for _ in range(depth)))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, out_channels))
        self.apply(_initialise)

    def forward(self, x: Float[Tensor, "batch channel slow fast"]) -> Float[Tensor, "batch out"]:
        """Outputs for a batch of images."""
        slow, fast = x.shape[-2:]
        patches = self.embed(F.pad(x, (0, -fast % self.patch, 0, -slow % self.patch)))
        _, dim, rows, columns = patches.shape
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = tokens + position_code(rows, columns, dim).to(tokens)
        return self.head(self.blocks(tokens).mean(dim=1))


def _initialise(module: nn.Module) -> None:
    """Small initial weights, without which deep Transformers do not converge."""
    if isinstance(module, nn.Linear):
        # 0.02 as is common for Transformers since BERT (Devlin et al. 2019).
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
