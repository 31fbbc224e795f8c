/* SPDX-License-Identifier: Apache-2.0
 * The commands, and what `--help` says about them. */
#include "cli/command_groups.h"

const command commands[] = {
    {"train", "resume overwrite locked runs", "RUN.yaml", "train an encoder as a YAML file says",
     "kindred train RUN.yaml [key=value ...] [options]\n"
     "\n"
     "Trains as RUN.yaml says, with keys replaced by those given (optimizer.lr=0.3), into the\n"
     "folder runs/NAME: config.yaml, plugins.lock, environment.json, metrics.jsonl, checkpoints.\n"
     "Ctrl-C or SIGTERM finishes the step, writes a checkpoint and ends; a second one ends at "
     "once.\n"
     "\n"
     "  --resume            go on from the newest checkpoint, to the same bits as without the "
     "stop\n"
     "  --overwrite         begin anew where a run of this name is there\n"
     "  --locked            only with the very plugins of plugins.lock: that of the run's folder,\n"
     "                      or else the one beside RUN.yaml\n"
     "  --runs DIR          the folder of runs (default: runs)\n" PLUGIN_OPTIONS,
     command_train},
    {"eval", "runs step", "RUN_DIR", "measure the encoder of a run",
     "kindred eval RUN_DIR [key=value ...] [options]\n"
     "\n"
     "Measures the newest checkpoint by the evals of the run's YAML, or as keys say\n"
     "(evals.0.k=20). Results are printed with their protocol and added to RUN_DIR/evals.jsonl.\n"
     "\n"
     "  --step N            the checkpoint of this step\n" PLUGIN_OPTIONS,
     command_eval},
    {"report", "to step", "RUN_DIR", "write a page that shows a run or a study",
     "kindred report RUN_DIR [key=value ...] [options]\n"
     "kindred report STUDY_DIR [--to FILE]\n"
     "\n"
     "Writes RUN_DIR/report.html, one file that needs no other: results with their protocols, "
     "curves,\n"
     "how features lie and whether they collapsed, a map of them, nearest neighbours, the views "
     "that\n"
     "the method saw, pairs, the configuration and what the run was made with. What a run does "
     "not\n"
     "have is left out, and the page says why. Keys tell where data lies now, or which device "
     "to use\n"
     "(data.path=elsewhere/). Of a study: its table, differences with intervals, and curves.\n"
     "\n"
     "  --to FILE           where to\n"
     "  --step N            the checkpoint of this step\n" PLUGIN_OPTIONS,
     command_report},
    {"embed", "data to step", "RUN_DIR", "write the features of images",
     "kindred embed RUN_DIR --data plugin=NAME key=value ... --to FILE [options]\n"
     "\n"
     "Writes features (f32), label (i32) and index (i64) of every image as safetensors. The keys\n"
     "after --data are those under `data:` of a YAML file; without --data, the run's own data.\n"
     "\n"
     "  --to FILE           where to\n"
     "  --step N            the checkpoint of this step\n" PLUGIN_OPTIONS,
     command_embed},
    {"export", "to step", "RUN_DIR", "write the encoder for PyTorch",
     "kindred export RUN_DIR --to FILE [options]\n"
     "\n"
     "Writes the encoder as safetensors with torchvision's or timm's names and layouts: it opens\n"
     "with load_state_dict(strict=True), a ResNet where fc is Identity and the stem is the same,\n"
     "a ViT where num_classes is 0.\n"
     "\n"
     "  --to FILE           where to\n"
     "  --step N            the checkpoint of this step\n",
     command_export},
    {"import", "run drop overwrite runs", "FILE.safetensors", "begin a run with published weights",
     "kindred import FILE.safetensors --run RUN.yaml [key=value ...] [options]\n"
     "\n"
     "Makes the folder of RUN.yaml's run with a checkpoint of step 0 whose encoder is the file's:\n"
     "torchvision's names for a resnet, timm's for a vit, what `kindred export` writes. Every "
     "name\n"
     "and shape must fit; those that do not are listed. Then `kindred eval` and `kindred embed`\n"
     "use it as it is, and `kindred train RUN.yaml --resume` trains it further.\n"
     "\n"
     "  --run RUN.yaml      the run, whose backbone is that of the file\n"
     "  --drop BEGINNING    leave out the file's tensors whose names begin so, as fc. or head.;\n"
     "                      may be given several times\n"
     "  --overwrite         begin anew where a run of this name is there\n"
     "  --runs DIR          the folder of runs (default: runs)\n" PLUGIN_OPTIONS,
     command_import},
    {"plan", "json", "RUN.yaml", "say what a run needs, without running it",
     "kindred plan RUN.yaml [key=value ...] [options]\n"
     "\n"
     "Prints parameters, arithmetic and bytes of a step, and the peak of memory. Images are "
     "packed\n"
     "if they have not been yet; nothing else is allocated and nothing runs.\n"
     "\n"
     "  --json              for programs\n" PLUGIN_OPTIONS,
     command_plan},
    {"study", "plan overwrite runs", "STUDY.yaml", "train a matrix of runs and compare them",
     "kindred study STUDY.yaml [key=value ...] [options]\n"
     "\n"
     "Trains every run of the matrix that STUDY.yaml describes, each in a process of its own, and\n"
     "ends with a table: mean and spread over seeds, differences with confidence intervals. Keys\n"
     "are the study's (seeds=[1]) or every run's (train.steps=3). In studies/NAME: study.yaml, "
     "runs/,\n"
     "results.jsonl, table.md, table.csv, differences.csv. The same command goes on after any "
     "stop;\n"
     "what has finished is not run again. Ctrl-C ends after a checkpoint.\n"
     "\n"
     "  --plan              say for each row how many steps, how much memory and how long,\n"
     "                      from finished runs or else from a few steps; nothing else runs\n"
     "  --overwrite         begin those runs anew that no longer fit the study\n"
     "  --runs DIR          the folder of studies (default: studies)\n" PLUGIN_OPTIONS,
     command_study},
    {"check", "device op quick json", NULL, "say whether a device of this machine is right",
     "kindred check --device NAME [key=value ...] [options]\n"
     "\n"
     "Runs every op on the device, in each type and with its gradients, between guards, and "
     "compares\n"
     "it with the reference device in f64; then short trainings, whose losses must go as there.\n"
     "Keys are the device's options. Fails when anything is wrong.\n"
     "\n"
     "  --device NAME       a device plugin: cpu, cuda, ...\n"
     "  --op NAME           this op alone, and no training\n"
     "  --quick             fewer sizes, and shorter trainings\n"
     "  --json              for programs\n" PLUGIN_OPTIONS,
     command_check},
    {"schema", "study markdown text", NULL, "write every key of a YAML file as a JSON Schema",
     "kindred schema [options]\n"
     "\n"
     "Writes what a YAML file may hold as a JSON Schema (draft-07), the options of every plugin\n"
     "found included, so that editors complete and check it. After\n"
     "\n"
     "    kindred schema >kindred.schema.json\n"
     "\n"
     "begin the YAML file with\n"
     "\n"
     "    # yaml-language-server: $schema=kindred.schema.json\n"
     "\n"
     "The schema of kindred's own plugins is installed as share/kindred/kindred.schema.json, that\n"
     "of studies beside it as kindred.study.schema.json.\n"
     "\n"
     "  --study             of a study's file (kindred study), instead of a run's\n"
     "  --text              for people: each key with type, default, range and meaning\n"
     "  --markdown          the host's own keys as a page; `plugin describe ID --markdown` has a\n"
     "                      plugin's\n" PLUGIN_OPTIONS,
     command_schema},
    {.name = NULL},
};

void print_help(FILE *to) {
    fputs("kindred COMMAND ...: pretrain image encoders without labels\n\n", to);
    for (const command *c = commands; c->name; c++) {
        fprintf(to, "  %-8s %s\n", c->name, c->summary);
    }
    for (const command_group *g = command_groups; g->name; g++) {
        fprintf(to, "  %-8s %s\n", g->name, g->summary);
    }
    fputs("\n"
          "kindred COMMAND --help says more; kindred --version says which this is.\n"
          "\n"
          "exit status  0  done\n"
          "             1  an error\n"
          "             2  a wrong use of the command line\n"
          "           130  interrupted (Ctrl-C), after a checkpoint\n"
          "           143  terminated (SIGTERM), after a checkpoint\n",
          to);
}
