"""Writes a Hugging Face folder as an OpenVINO model. Usage: write_openvino.py IN OUT fp16|int8

INT8 is symmetric per channel: with dynamic quantisation of activations it is faster than the exporter's own asymmetric INT8.
"""
import os
import shutil
import sys
import tempfile

import nncf
import openvino
from optimum.exporters.openvino import main_export
from optimum.intel import OVConfig


def export(source, target):
    main_export(source, target, task="text-generation-with-past", ov_config=OVConfig(dtype="fp16"))


def main():
    source, target, kind = sys.argv[1:4]
    if kind == "fp16":
        export(source, target)
        return
    with tempfile.TemporaryDirectory() as folder:
        export(source, folder)
        model = openvino.Core().read_model(f"{folder}/openvino_model.xml")
        model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
        os.makedirs(target, exist_ok=True)
        openvino.save_model(model, f"{target}/openvino_model.xml")
        for name in os.listdir(folder):
            if not name.startswith("openvino_model."):
                shutil.copy(f"{folder}/{name}", target)


main()
