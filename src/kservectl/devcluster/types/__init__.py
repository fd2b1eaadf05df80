"""The devcluster's type system: schemas, defaulting, validation, patches, field ownership and OpenAPI; no storage, no I/O.

`builtin_types()` is the way in; what it returns fulfils `kservectl.devcluster.contract.TypeSystem`.
"""

from kservectl.devcluster.types.catalogue import schemaless_definitions
from kservectl.devcluster.types.system import Types, builtin_types

__all__ = ["Types", "builtin_types", "schemaless_definitions"]
