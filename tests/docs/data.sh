# Nothing is fetched from a publisher.
. "$DOCS/mirror.sh"
kindred() {
    case "$1 $2 $*" in
    "data fetch "*" --to /data/"*) fetch_refused "$3" --to "${5#/}" ;;
    "data fetch "*) fetch_refused "$3" ;;
    *) command kindred "$@" ;;
    esac
}
