# A run from its beginning to its files; times and numbers that arithmetic decides are left out.
plain() { sed 's/[0-9.]* %/N %/g; /views\/s/d'; }
kindred train run.yaml 'evals=[{plugin: knn, k: 5, before: true}]' 2>&1 | plain
status kindred train run.yaml
status kindred train run.yaml --resume 'evals=[{plugin: knn, k: 5, before: true}]' 2>&1 | plain
status kindred eval runs/small 2>&1 | plain
status kindred eval runs/small evals.0.k=3 --step 12 2>&1 | plain
status kindred eval runs/small --step 3
status kindred embed runs/small --data plugin=synthetic size=12 count=10 --to features.safetensors
status kindred embed runs/small --data plugin=synthetic sise=12 --to features.safetensors
status kindred export runs/small --to encoder.safetensors
status kindred import encoder.safetensors --run run.yaml name=again --drop fc.
status kindred import encoder.safetensors --run run.yaml name=again
find runs -type f | sort
sed 's/:[0-9.e-]*\([,}]\)/:N\1/g' runs/small/metrics.jsonl | tail -2
cat runs/small/config.yaml
