//go:build tools

// Package language pins the sources of the Node.js language host. It is a
// module apart from the engine's because v3.68.0 of the SDK is the last one
// that contains the host, and the engine needs a newer SDK.
package language

import _ "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs"
