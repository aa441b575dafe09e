#!/bin/sh
# Renders the drawings (needs graphviz): sh docs/render.sh. A title is added, which screen readers read and the linter wants.
set -eu
cd "$(dirname -- "$0")"

render() {
  dot -Tsvg "$1.dot" -o "$1.draft"
  sed "s|^<g id=\"graph0\"|<title>$2</title>\n&|" "$1.draft" >"$1.svg"
  rm "$1.draft"
}

render architecture "How a program reaches the kernels of the directors, and how packets flow"
render rooms "The rooms of the source and who imports whom"
