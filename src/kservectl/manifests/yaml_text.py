"""How objects are written to files that people read: keys in their order, texts of several lines as such, no anchors."""

from typing import Any

import yaml


def dump(value: Any) -> str:
    """One YAML document. Schemas, which are long and which nobody edits, have their leaves on one line."""
    schema = isinstance(value, dict) and value.get("kind") == "CustomResourceDefinition"
    flow_leaves = None if schema else False
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120, default_flow_style=flow_leaves)
    return text


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and equal objects each in full."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)
