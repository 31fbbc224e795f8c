# Studies are cut to seconds here.
kindred() {
    if [ "$1" = study ]; then
        command kindred "$@" 'seeds=[1]' train.steps=2 train.batch=16 data.count=64 data.size=16 views.0.size=16 \
            backbone.width=4 schedule.warmup_epochs=0 'device={plugin: cpu, threads: 1}'
    else
        command kindred "$@"
    fi
}
