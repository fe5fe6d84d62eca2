#!/usr/bin/env bash
# Builds the server's native half: TensorFlow's shared libraries, two addons that bind them to Node, tfjs-node's and our own,
# and one that reads numbers.
#
#   usage: build.sh TFJS_NODE_DIR OUT_DIR
#
#   TFJS_NODE_DIR   an installed @tensorflow/tfjs-node (its C++ sources lie in binding/)
#   OUT_DIR         is created: deps/lib/*.so.2, the layout tfjs-node looks for, and
#                   lib/napi-v8/tfjs_binding.node, session.node and numbers.node
#
# The package's own install script downloads TensorFlow 2.9.1 from a host that answers 403. The wheel of tensorflow-cpu
# holds newer builds of the same C library, so that is the source here, pinned by hash. The addon uses Node-API only:
# what is compiled under one Node release runs under every later one.
#
# Needs: python3 (>= 3.8) with pip, g++, strip, and npm when the Node headers are not installed beside node.
# Settings: TF_VERSION (2.21.0), TF_SHA256 (of the wheel; known for the versions below), WHEEL_DIR (where the wheel is kept).
set -euo pipefail

package=$(cd "$1" && pwd)
out=$2
version=${TF_VERSION:-2.21.0}
say() { echo "native: $*" >&2; }
fail() { say "$*"; exit 1; }

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || [ -n "${TF_SHA256:-}" ] ||
  fail "no known wheel for $(uname -s)-$(uname -m): set TF_SHA256 to the hash of tensorflow-cpu $version for this machine"
case $version in
  2.21.0) sha256=2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c platform=manylinux_2_27 ;;
  2.18.1) sha256=810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298 platform=manylinux2014 ;;
  2.15.1) sha256=54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26 platform=manylinux2014 ;;
  *) sha256=${TF_SHA256:?TF_SHA256 must be set: the wheel hash of TensorFlow $version is not known here} platform=manylinux_2_27 ;;
esac
sha256=${TF_SHA256:-$sha256}

for tool in python3 g++ strip; do
  command -v "$tool" >/dev/null || fail "$tool is missing; on Debian: apt-get install python3-pip g++ binutils"
done
python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip; on Debian: apt-get install python3-pip"

mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.building.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/result/deps/lib" "$work/result/lib/napi-v8" "$work/include"

# The wheel is chosen by tag, not by the Python that happens to be here: any interpreter can fetch it.
wheels=${WHEEL_DIR:-$work/wheel}
mkdir -p "$wheels"
wheel=$(find "$wheels" -name "tensorflow_cpu-$version-*.whl" | head -n 1)
if [ -z "$wheel" ] || ! echo "$sha256  $wheel" | sha256sum --check --status; then
  say "downloading tensorflow-cpu $version (about 270 MB)"
  echo "tensorflow-cpu==$version --hash=sha256:$sha256" >"$work/requirements.txt"
  python3 -m pip download --quiet --no-deps --no-cache-dir --only-binary=:all: --require-hashes \
    --implementation cp --python-version 311 --abi cp311 --platform "${platform}_$(uname -m)" \
    -d "$wheels" -r "$work/requirements.txt"
  wheel=$(find "$wheels" -name "tensorflow_cpu-$version-*.whl" | head -n 1)
fi

say "unpacking the libraries"
python3 - "$wheel" "$work" <<'PYTHON'
import os, shutil, sys, zipfile

LIBRARIES = ('libtensorflow_cc.so.2', 'libtensorflow_framework.so.2')
HEADERS = ('tensorflow/c/', 'tensorflow/core/platform/ctstring', 'tsl/platform/ctstring', 'xla/tsl/c/')
wheel, work = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        path = name.split('tensorflow/', 1)[-1]
        if path in LIBRARIES:
            target = os.path.join(work, 'result/deps/lib', path)
        elif path.startswith('include/') and path[len('include/'):].startswith(HEADERS) and path.endswith('.h'):
            target = os.path.join(work, path)
        else:
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(name) as source, open(target, 'wb') as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
PYTHON
strip --strip-unneeded "$work/result/deps/lib/libtensorflow_cc.so.2"

headers=$(node -p "require('node:path').join(process.execPath, '../../include/node')")
if [ ! -e "$headers/node_api.h" ]; then
  say "fetching the Node-API headers from npm"
  (cd "$work" && npm pack --silent node-api-headers >/dev/null && tar -xzf node-api-headers-*.tgz)
  headers=$work/package/include
fi

# A tensor that is given back has its strings freed by the addon, even if TensorFlow goes on using them: a graph whose output is
# a constant, or one of its inputs, would answer empty strings from then on. Strings are ours to free where we made them.
cp -r "$package/binding" "$work/binding"
sed -i \
  -e 's/if (TFE_TensorHandleDataType(tensor_handle) == TF_STRING)/if (strings_made_here.erase(tensor_id) > 0)/' \
  -e 's/^napi_value TFJSBackend::CreateTensor(/#include <set>\nstatic thread_local std::set<int32_t> strings_made_here;\n&/' \
  -e 's/napi_create_int32(env, InsertHandle(tfe_handle), &output_tensor_id)/napi_create_int32(env, next_tensor_id_, \&output_tensor_id);\n  if (dtype_int32 == TF_STRING) strings_made_here.insert(next_tensor_id_);\n  InsertHandle(tfe_handle)/' \
  "$work/binding/tfjs_backend.cc"
[ "$(grep -c strings_made_here "$work/binding/tfjs_backend.cc")" = 3 ] || fail "the addon's source is not the one that the change above is for"

compile() {
  local addon=$1
  shift
  say "compiling $addon.node"
  g++ -shared -fPIC -std=c++17 -O2 -DNAPI_VERSION=8 "-DNODE_GYP_MODULE_NAME=$addon" -I "$work/include" -I "$headers" "$@" \
    -o "$work/result/lib/napi-v8/$addon.node"
  strip --strip-unneeded "$work/result/lib/napi-v8/$addon.node"
}
native=$(dirname "$0")
warnings=(-Wall -Wextra -Werror)
tensorflow=(-L "$work/result/deps/lib" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 '-Wl,-rpath,$ORIGIN/../../deps/lib')
compile tfjs_binding "$work/binding/tfjs_backend.cc" "$work/binding/tfjs_binding.cc" "${tensorflow[@]}"
compile session "${warnings[@]}" "$native/session.cc" "${tensorflow[@]}"
# Optional: what it does for x86 is done in TypeScript elsewhere.
[ "$(uname -m)" != x86_64 ] || compile numbers "${warnings[@]}" -O3 "$native/numbers.cc"

# Whole or not at all; when another build was faster its result is as good.
mv -T "$work/result" "$out" 2>/dev/null || [ -e "$out/lib/napi-v8/session.node" ] || fail "cannot write $out"
say "ready in $out"
