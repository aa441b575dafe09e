#!/bin/sh
# Installed as pulumi-analyzer-policy-heye-test: the engine starts it, in a pack's folder, for packs of the runtime
# `heye-test`. Engines that are built from source have a language host that cannot run packs itself.
runner=$(node -p 'require.resolve("@pulumi/pulumi/cmd/run-policy-pack", { paths: [process.cwd()] })') || exit 1
exec node "$runner" "$@"
