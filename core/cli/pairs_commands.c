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
     "  --classes FILE      of the classes that a file names, one a line, or of their images'\n"
     "                      folders (WordNet ids)\n"
     "  --seed N            of the draws (default: 1)\n" PLUGIN_OPTIONS,
     command_pairs_build},
    {"pairs mine", "encoder data to step k min-similarity max-similarity per-image", NULL,
     "find pairs without labels",
     "kindred pairs mine --encoder RUN_DIR [key=value ...] --data plugin=NAME key=value ... --to "
     "pairs.csv\n"
     "\n"
     "Pairs images that are mutual nearest neighbours by the features of a run's encoder: each is\n"
     "among the K most alike of the other, by cosine, exactly, among all images. The most alike\n"
     "pairs are taken first, and no image stands in two. Keys before --data change the run's\n"
     "configuration (device={plugin: cpu}). Where the images have labels, they say how many pairs\n"
     "are of one class, and change nothing.\n"
     "\n"
     "  --encoder RUN_DIR   the folder of a run\n"
     "  --step N            its checkpoint of this step\n"
     "  --to FILE           where to: .csv or .jsonl\n"
     "  --k K               among so many nearest of each other (default: 1)\n"
     "  --min-similarity S  only pairs of at least this cosine (default: -1, all)\n"
     "  --max-similarity S  and of at most this one, to leave out one picture twice\n"
     "  --per-image N       an image may stand in so many pairs (default: 1)\n" PLUGIN_OPTIONS,
     command_pairs_mine},
    {"pairs show", "data to count per-class seed rejected", "[PAIRS]",
     "write a page to look through pairs",
     "kindred pairs show PAIRS --data plugin=NAME key=value ... --to sheet.html [options]\n"
     "\n"
     "Writes one HTML file, which needs no network and opens on a phone too: pairs side by side,\n"
     "with id, class and similarity. Tick those that are none; a button gives the list of their\n"
     "ids, which data.pairs.reject reads. Without PAIRS (.csv or .jsonl) the dataset's own pairs.\n"
     "\n"
     "  --to FILE           where to\n"
     "  --count N           so many pairs, drawn by seed, or all (default: 200)\n"
     "  --per-class N       so many pairs of each class instead\n"
     "  --seed N            of the draw (default: 1)\n"
     "  --rejected FILE     ids that were turned down before: they stay on the "
     "list\n" PLUGIN_OPTIONS,
     command_pairs_show},
    {.name = NULL},
};
