"""Environment variables and container names that a user may not set."""

from collections.abc import Iterator

from kservectl.admission.inferenceservice.implementations import SERVER, TRANSFORMER, block, blocks, frameworks, text
from kservectl.admission.inferenceservice.validation.subject import Component, Subject
from kservectl.admission.review import FieldError
from kservectl.objects.metadata import Object

_BLOCKED = frozenset({"PYTHONPATH"})


def blocked_environment_errors(subject: Subject, component: Component) -> Iterator[FieldError]:
    """PYTHONPATH decides which code a server loads; no container of the user's may set it."""
    for path, container in _containers(component):
        for index, entry in enumerate(blocks(container, "env")):
            if entry.get("name") in _BLOCKED:
                yield FieldError(
                    f"{path}.env[{index}].name",
                    f'{subject.invalid}setting {entry["name"]} in container "{text(container, "name") or SERVER}"'
                    " is not allowed for security reasons",
                    "FieldValueForbidden",
                )


def collocation_errors(predictor: Component) -> Iterator[FieldError]:
    """Beside a server the transformer downloads nothing: the model is the server's."""
    for index, container in enumerate(blocks(predictor.spec, "containers")):
        if container.get("name") != TRANSFORMER:
            continue
        for position, entry in enumerate(blocks(container, "env")):
            if entry.get("name") == "STORAGE_URI":
                yield FieldError(
                    f"{predictor.path}.containers[{index}].env[{position}].name",
                    f"storage uri should not be specified in transformer container; set STORAGE_URI in {SERVER}",
                    "FieldValueForbidden",
                )
        return


def framework_name_errors(predictor: Component) -> Iterator[FieldError]:
    """The container of a framework or model has its name from the runtime."""
    for found in frameworks(predictor.spec):
        if text(found.block, "name"):
            yield FieldError(
                f"{predictor.path}.{found.path}.name",
                f"the 'name' field is not allowed in standard predictor; leave out \"{found.block['name']}\"",
                "FieldValueForbidden",
            )


def _containers(component: Component) -> Iterator[tuple[str, Object]]:
    for field in ("containers", "initContainers"):
        for index, container in enumerate(blocks(component.spec, field)):
            yield f"{component.path}.{field}[{index}]", container
    for found in frameworks(component.spec) if component.kind == "predictor" else ():
        yield f"{component.path}.{found.path}", found.block
    worker = block(component.spec, "workerSpec")
    for field in ("containers", "initContainers"):
        for index, container in enumerate(blocks(worker, field)):
            yield f"{component.path}.workerSpec.{field}[{index}]", container
    art = block(component.spec, "art") if component.kind == "explainer" else None
    if art is not None:
        yield f"{component.path}.art", art
