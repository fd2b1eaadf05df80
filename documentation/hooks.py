"""What MkDocs calls while it builds the site: it is given the generated pages beside those in `docs/`."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from documentation.generated import pages


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the generated pages; a page of that name in `docs/` would be lost, so it is an error."""
    for path, text in pages().items():
        if files.get_file_from_path(path) is not None:
            raise ValueError(f"docs/{path} is generated: remove the file")
        files.append(File.generated(config, path, content=text))
    return files
