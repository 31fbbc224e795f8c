# Mistakes in studies; each is named with its place.
cat >base.yaml <<'END'
run: {include: run.yaml}
seeds: [1]
matrix:
  - {axis: rate, key: optimizer.lr, values: [0.1, 0.01]}
  - axis: method
    values:
      warm: {method: {temperature: 0.5}}
      cold: {}
END
try() {
    printf 'include: base.yaml\n%s\n' "$1" >study.yaml
    shift
    status kindred study study.yaml "$@"
}
try 'seds: [1]'
try 'seeds: [1, 2, 1]'
try 'seeds: []'
try 'run: [1]'
try 'matrix: [{axes: arm, key: a.b, values: [x]}]'
try 'matrix: [{axis: arm, key: data.pairs.arm}]'
try 'matrix: [{axis: arm, key: data.pairs.arm, values: [semantic, semantic]}]'
try 'matrix: [{axis: arm, key: data.pairs.arm, values: [semantic, augmentd]}]'
try 'matrix: [{axis: arm, values: {a: 3}}]'
try 'matrix: [{axis: arm, values: {a/b: {}}}]'
try 'matrix: [{axis: a, values: {b: {}}}, {axis: a, values: {b: {}}}]'
try 'matrix: [{axis: a, values: {b: {}, b-c: {}}}, {axis: d, values: {c-d: {}, d: {}}}]'
try 'matrix: [{axis: method, values: {a: {metod: {temperature: 1}}}}]'
try 'matrix: [{axis: method, values: {a: {method: {temperature: 99}}}}]'
try 'matrix: [{axis: ops, values: {a: {without: [grayscale]}}}]'
try 'matrix: [{axis: seed, key: seed, values: [1, 2]}]'
try 'matrix: [{axis: a, values: {b: {seed: 3}}}]'
try 'run: {seed: 3}'
try 'run: {include: run.yaml, name: mine}'
try 'compare: {axis: rats}'
try 'compare: {axis: method, baseline: wram}'
try 'compare: {baseline: warm}'
try 'paper: [{values: {knn: 80}, of: {method: hot}}]'
try 'paper: [{of: {method: warm}}]'
try 'paper: [{values: {knn: high}}]'
try 'paper: [{of: {method: warm}, values: {knm: 80}}]' 'evals=[{plugin: knn, k: 3}, {plugin: linear}]'
try 'matrix: [{axis: p, key: data.pairs.manifest, values: [a/p.csv, b/p.csv]}]'
try 'matrix: [{axis: t, key: seed2, values: [-1]}]'
try '' seed=3
try '' run.seed=3
try '' train.epochs=x
try '' train.epohcs=3
try '' name=../up
try '' --plan --overwrite
status kindred study absent.yaml
status kindred study
ls
