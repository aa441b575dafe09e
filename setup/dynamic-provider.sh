#!/bin/sh
# Installed as pulumi-resource-pulumi-nodejs beside an engine that was built from source: the engine starts it
# to serve the dynamic resources of a program. The provider itself is part of the program's own
# @pulumi/pulumi, which is found from the folder that the engine starts us in.
provider=$(node -p 'require.resolve("@pulumi/pulumi/cmd/dynamic-provider", { paths: [process.cwd()] })') || exit 1
exec node "$provider" "$@"
