#!/bin/sh
# Regenerates gen/ from proto/. Called by `make proto`.
set -eu
cd "$(dirname "$0")/../.."
bin=node_modules/.bin
"$bin/buf" generate --path proto/heimdex --path node_modules/google-proto-files/google/rpc/status.proto --path node_modules/google-proto-files/google/rpc/error_details.proto
# Reflection and the HTTP gateway read the contract itself.
"$bin/buf" build --path proto/heimdex --exclude-source-info -o packages/contracts/gen/descriptors.binpb
