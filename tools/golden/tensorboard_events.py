"""An event file that TensorBoard's own classes wrote: tests/golden/tensorboard/events.out.tfevents.golden.

    python3 tools/golden/tensorboard_events.py      # needs torch tensorboard

Kelvin must write the same bytes for the same values (tests/apps/tensorboard_test.cpp). Scalars are made by PyTorch's SummaryWriter module,
everything else by TensorBoard's protobuf classes, and the records by its RecordWriter.
"""
import pathlib
import sys

import tensorboard
import torch
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import summary as of_torch

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "tensorboard"
PNG = bytes(range(256))  # what it holds does not matter here


def hparams(tag, **kind):
    """Summary with a message for the HParams plugin."""
    content = plugin_data_pb2.HParamsPluginData(**kind).SerializeToString(deterministic=True)
    metadata = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="hparams", content=content))
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, metadata=metadata)])


def both(*summaries):
    return summary_pb2.Summary(value=[value for summary in summaries for value in summary.value])


def events():
    yield event_pb2.Event(wall_time=1.0, file_version="brain.Event:2")
    yield event_pb2.Event(wall_time=2.0, step=3, summary=of_torch.scalar("loss", 0.5))
    many = both(of_torch.scalar("train/loss", 0.1), of_torch.scalar("train/tau", 0.0),
                of_torch.scalar("test/accuracy", float("nan")))
    yield event_pb2.Event(wall_time=1.7e9 + 0.25, step=2**40 + 1, summary=many)
    image = summary_pb2.Summary.Image(height=8, width=300, colorspace=3, encoded_image_string=PNG)
    yield event_pb2.Event(wall_time=3.0, step=1,
                          summary=summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="train/images", image=image)]))
    yield event_pb2.Event(wall_time=4.0, step=41,
                          session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START))

    start = plugin_data_pb2.SessionStartInfo(start_time_secs=1.7e9)
    start.hparams["batch-size"].number_value = 128
    start.hparams["data"].string_value = "synthetic:size=8"
    start.hparams["lr-times-tau"].bool_value = False
    start.hparams["nesterov"].bool_value = True
    start.hparams["tau"].number_value = 0.1
    yield event_pb2.Event(wall_time=5.0, summary=hparams("_hparams_/session_start_info", session_start_info=start))
    for status in (api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE):
        end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=1.7e9 + 1)
        yield event_pb2.Event(wall_time=6.0, summary=hparams("_hparams_/session_end_info", session_end_info=end))

    def setting(name, kind, differs=True):
        return api_pb2.HParamInfo(name=name, type=kind, differs=differs)

    experiment = api_pb2.Experiment(
        description="Temperatures", time_created_secs=1.7e9,
        hparam_infos=[setting("tau", api_pb2.DATA_TYPE_FLOAT64), setting("nesterov", api_pb2.DATA_TYPE_BOOL),
                      setting("optimizer", api_pb2.DATA_TYPE_STRING), setting("mixed", api_pb2.DATA_TYPE_STRING),
                      setting("seed", api_pb2.DATA_TYPE_FLOAT64, differs=False)],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(group="measured", tag="clean"), display_name="clean %")])
    yield event_pb2.Event(wall_time=7.0, summary=hparams("_hparams_/experiment", experiment=experiment))


def main():
    FOLDER.mkdir(exist_ok=True)
    with open(FOLDER / "events.out.tfevents.golden", "wb") as file:
        writer = RecordWriter(file)
        for event in events():
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()
    (FOLDER / "VERSIONS").write_text(
        f"python {sys.version.split()[0]}\ntensorboard {tensorboard.__version__}\ntorch {torch.__version__}\n")


if __name__ == "__main__":
    main()
