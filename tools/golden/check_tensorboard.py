"""Opens the event files of `kelvin train|sweep --tensorboard DIR` with TensorBoard's own readers and says what they see.

    python3 tools/golden/check_tensorboard.py DIR      # needs tensorboard

Each run: its tags, how many points, the last one; steps must rise and none may come twice. Then the rows of the HParams tab, from the plugin's
own code. Ends with an error if a run has no scalars, or where a step is shown twice.
"""
import io
import sys

from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin


def check_run(name, path):
    accumulator = EventAccumulator(path, size_guidance={"scalars": 0, "images": 0})
    accumulator.Reload()
    tags = accumulator.Tags()
    print(f"{name}:")
    for tag in tags["scalars"]:
        points = accumulator.Scalars(tag)
        steps = [point.step for point in points]
        assert steps == sorted(set(steps)), f"{name}, {tag}: steps {steps}"
        print(f"  {tag}: {len(points)} points, step {steps[-1]}: {points[-1].value:.6g}")
    for tag in tags["images"]:
        for image in accumulator.Images(tag):
            assert image.encoded_image_string[:8] == b"\x89PNG\r\n\x1a\n"
            print(f"  {tag}: step {image.step}, {image.width} x {image.height}, {len(image.encoded_image_string)} bytes")
    return len(tags["scalars"])


def check_hparams(multiplexer):
    provider = data_provider.MultiplexerDataProvider(multiplexer, "")
    context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    experiment = context.experiment_from_metadata(
        RequestContext(), "", True, context.hparams_metadata(RequestContext(), ""),
        context.hparams_from_data_provider(RequestContext(), "", None))
    metrics = [(m.name.group, m.name.tag) for m in experiment.metric_infos]
    print(f"HParams: {experiment.description!r}, settings {[h.name for h in experiment.hparam_infos]}, "
          f"{len(metrics)} metrics")
    request = api_pb2.ListSessionGroupsRequest(start_index=0, slice_size=1000)
    request.allowed_statuses.extend([api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING])
    for group, tag in metrics:
        request.col_params.add(metric=api_pb2.MetricName(group=group, tag=tag), include_in_result=True)
    for info in experiment.hparam_infos:
        request.col_params.add(hparam=info.name, include_in_result=True)
    answer = list_session_groups.Handler(RequestContext(), context, "", request).run()
    for group in answer.session_groups:
        settings = {k: v.number_value if v.WhichOneof("kind") == "number_value" else v.string_value or v.bool_value
                    for k, v in sorted(group.hparams.items()) if k in {h.name for h in experiment.hparam_infos}}
        values = {m.name.tag: round(m.value, 4) for m in group.metric_values}
        status = api_pb2.Status.Name(group.sessions[0].status)
        print(f"  {group.name} {status} {settings if len(settings) < 9 else str(len(settings)) + ' settings'} {values}")


def main():
    multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(sys.argv[1])
    multiplexer.Reload()
    paths = multiplexer.RunPaths()
    assert paths, "no event files"
    scalars = sum(check_run(name, path) for name, path in sorted(paths.items()))
    assert scalars > 0, "no scalars"
    check_hparams(multiplexer)


if __name__ == "__main__":
    main()
