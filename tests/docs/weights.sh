# A run to export, and weights to import into another.
. "$DOCS/published.sh"
command kindred train RUN.yaml >log 2>&1 || { cat log; exit 1; }
kindred() {
    case $1 in
    import) command kindred "$@" name=imported ;; # runs/NAME is there
    *) command kindred "$@" ;;
    esac
}
