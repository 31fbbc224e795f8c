# Every command says what it does.
kindred --version
kindred --help
for command in train eval embed export import plan schema plugin pairs data; do
    echo "--- $command"
    kindred $command --help
done
for command in list describe new check pack verify install remove outdated key trust; do
    echo "--- plugin $command"
    kindred plugin $command --help
done
for command in build mine show; do
    echo "--- pairs $command"
    kindred pairs $command --help
done
for command in list fetch; do
    echo "--- data $command"
    kindred data $command --help
done
