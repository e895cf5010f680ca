"""Linear maps of channels or coordinates: a shift and scale of each, and a mixture of all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.device import precise
from engine.flow.transforms import Pair, Transform


class ActNorm(Transform):
    """z = (x - m) exp(s) with a mean and a scale for each channel or coordinate.

    They begin as those of the first minibatch: Kingma and Dhariwal 2018, section 3.1.
    """

    title = "actnorm"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.zeros(channels))
        self.s = nn.Parameter(torch.zeros(channels))

    def _shaped(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The m and s, shaped for x, and log |det|, to which every place of a picture contributes."""
        shape = (-1,) + (1,) * (x.ndim - 2)
        return self.m.view(shape), self.s.view(shape), (x[0, 0].numel() * self.s.sum()).expand(len(x))

    def forward(self, x: Tensor) -> Pair:
        """Shift by -m, then scale."""
        m, s, log_det = self._shaped(x)
        return (x - m) * s.exp(), log_det

    def inverse(self, z: Tensor) -> Pair:
        """Scale back, then shift by m."""
        m, s, log_det = self._shaped(z)
        return z * (-s).exp() + m, -log_det

    @torch.no_grad()
    def initialize(self, x: Tensor) -> Tensor:
        """Take mean and scale from the minibatch x, and return z."""
        per = x.transpose(0, 1).flatten(1)
        self.m.copy_(per.mean(1))
        self.s.copy_(-per.std(1).clamp(min=1e-3).log())
        return self.forward(x)[0]


class Mix(Transform):
    """z = W x over the channels (a 1 x 1 convolution) or coordinates.

    W = P L U with P fixed, so log |det W| is the sum of log |U_ii|: Kingma and Dhariwal 2018, eq. (10). W
    begins as a rotation.
    """

    title = "1 × 1"
    P: Tensor
    sign: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        W = torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64))[0]
        W[0] *= W.det().sign()  # a rotation without reflection
        P, L, U = torch.linalg.lu(W)
        plain = torch.get_default_dtype()
        self.register_buffer("P", P.to(plain))
        self.register_buffer("sign", U.diagonal().sign().to(plain))
        self.L = nn.Parameter(L.to(plain))
        self.U = nn.Parameter(U.to(plain))
        self.log_s = nn.Parameter(U.diagonal().abs().log().to(plain))

    def parts(self) -> tuple[Tensor, Tensor]:
        """The factors P L and U."""
        one = torch.eye(len(self.P), dtype=self.P.dtype, device=self.P.device)
        return self.P @ (self.L.tril(-1) + one), self.U.triu(1) + (self.sign * self.log_s.exp()).diag()

    def forward(self, x: Tensor) -> Pair:
        """Multiply by W at every place."""
        PL, U = self.parts()
        return torch.einsum("ij,nj...->ni...", PL @ U, x), self._log_det(x)

    def inverse(self, z: Tensor) -> Pair:
        """The solution x of W x = z at every place."""
        PL, U = self.parts()
        inverse = torch.linalg.inv(precise(U)) @ torch.linalg.inv(precise(PL))
        return torch.einsum("ij,nj...->ni...", inverse.to(z), z), -self._log_det(z)

    def _log_det(self, x: Tensor) -> Tensor:
        return (x[0, 0].numel() * self.log_s.sum()).expand(len(x))
