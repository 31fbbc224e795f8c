# What there is, what is not, and a file that is there already.
kindred data list
status kindred data fetch cifar11
status kindred data fetch
status kindred data fetch mnist --to run.yaml --from http://127.0.0.1:1
mkdir -p data/tiny-imagenet
echo "no archive" >data/tiny-imagenet/tiny-imagenet-200.zip
status kindred data fetch tiny-imagenet
printf 'PK\003\004' >data/tiny-imagenet/tiny-imagenet-200.zip
truncate -s 248100043 data/tiny-imagenet/tiny-imagenet-200.zip
status kindred data fetch tiny-imagenet
mkdir -p elsewhere
echo "no archive" >elsewhere/cifar-10-binary.tar.gz
status kindred data fetch cifar10 --to elsewhere
find data elsewhere -type f | sort
