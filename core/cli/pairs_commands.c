/* SPDX-License-Identifier: Apache-2.0
 * The commands under `kindred pairs`, and what `--help` says about them. */
#include "cli/cli_pairs.h"

const command pairs_commands[] = {
    {"pairs build", "data to per-class seed classes allow-fewer", NULL,
     "pair the images of each class",
     "kindred pairs build --data plugin=NAME key=value ... --to pairs.csv [options]\n"
     "\n"
     "Pairs labelled images of any dataset: two of one class, each image in one pair, drawn by\n"
     "seed. Writes a manifest (CSV, or JSON lines where the name ends in .jsonl) that\n"
     "data.pairs.manifest reads. No image is decoded. With the same seed, the pairs of a smaller\n"
     "--per-class are among those of a larger one.\n"
     "\n"
     "  --to FILE           where to: .csv or .jsonl\n"
     "  --per-class N       so many pairs of each class (default: all that it has images for)\n"
     "  --allow-fewer       a class with fewer images gives what it has; else it is an error\n"
     "  --classes N         of N classes, drawn by seed, those of a smaller N among them\n"
     "  --classes FILE      of the classes that a file names, one a line\n"
     "  --seed N            of the draws (default: 1)\n" PLUGIN_OPTIONS,
     command_pairs_build},
    {.name = NULL},
};
