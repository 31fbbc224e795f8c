# Each mistake is named with its place and a way out; nothing is left behind.
status kindred
status kindred tran
status kindred train
status kindred train run.yaml --rsume
status kindred train run.yaml --runs
status kindred train run.yaml word
status kindred train run.yaml --resume --overwrite
status kindred train absent.yaml
status kindred train run.yaml data.pth=x
status kindred train run.yaml optimiser.lr=1
status kindred train run.yaml inclde=base.yaml
status kindred train run.yaml method.temperature=20
status kindred train run.yaml method.temperature=warm
status kindred train run.yaml method.plugin=simcrl 2>&1 | sed 's/; looked in.*//'
status kindred train run.yaml optimizer.lr=null
status kindred train run.yaml train.batch=100
status kindred train run.yaml views.0.count=1
status kindred train run.yaml views.0.recipe=simclear
status kindred train run.yaml 'evals=[{plugin: knn, every: 2}]'
status kindred train run.yaml 'evals=[{plugin: knn, test: {plugin: synthetic, kinds: 9, size: 12}}]'
status kindred train run.yaml 'device={plugin: reference}' precision=bf8
status kindred eval absent
status kindred export absent
status kindred export absent --to file
status kindred pairs
status kindred pairs bild
status kindred pairs build --to pairs.csv
status kindred pairs build --data plugin=synthetic
status kindred pairs build --data plugin=synthetic --to pairs.txt
status kindred pairs build --data plugin=synthetic --to pairs.csv --per-class 0
status kindred pairs build --data plugin=synthetic kinds=4 count=40 --to pairs.csv --per-class 9
status kindred pairs build --data plugin=synthetic paired=true --to pairs.csv
status kindred pairs build --data plugin=synthetic pairs.manifest=x.csv --to pairs.csv
status kindred pairs build --data plugin=synthetic pairs.arm=augmented --to pairs.csv
status kindred pairs build --data plugin=synthetic fraction=0.5 --to pairs.csv
status kindred pairs show pairs.csv --data plugin=synthetic pairs.manifest=x.csv --to sheet.html
status kindred pairs show pairs.csv --data plugin=synthetic pairs.reject=x.txt --to sheet.html
status kindred train run.yaml data.pairs.arm=semantic
printf 'index_a,index_b\n0,400\n' >far.csv
status kindred train run.yaml data.pairs.manifest=far.csv
rm far.csv
status kindred schema --study --text
ls
