/* SPDX-License-Identifier: Apache-2.0
 * The table of public sets. Checksums are those that publishers or torchvision state; none is
 * computed here. A set without one says so when it is fetched, and has its length, as its server
 * states it, to tell it from something else. */
#include "fetch/public_sets.h"

#include <stddef.h>
#include <string.h>

#define CIFAR "https://www.cs.toronto.edu/~kriz/"
#define MNIST "https://ossci-datasets.s3.amazonaws.com/mnist/"
#define FASHION "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
#define VOC "http://host.robots.ox.ac.uk/pascal/VOC/voc2007/"
#define FASTAI "https://s3.amazonaws.com/fast-ai-imageclas/"

const public_set public_sets[] = {
    {.id = "cifar10",
     .title = "CIFAR-10: 60,000 images of 32 pixels, 10 classes",
     .size = "170 MB",
     .terms = "none stated; for research",
     .page = "https://www.cs.toronto.edu/~kriz/cifar.html",
     .whose = "its page",
     .plugin = "cifar",
     .path = "cifar-10-binary.tar.gz",
     .files = {{"cifar-10-binary.tar.gz", CIFAR, "c32a1d4ab5d03f1284b67883e8d87530", 0}}},
    {.id = "cifar100",
     .title = "CIFAR-100: 60,000 images of 32 pixels, 100 classes",
     .size = "169 MB",
     .terms = "none stated; for research",
     .page = "https://www.cs.toronto.edu/~kriz/cifar.html",
     .whose = "its page",
     .plugin = "cifar",
     .path = "cifar-100-binary.tar.gz",
     .files = {{"cifar-100-binary.tar.gz", CIFAR, "03b5dce01913d631647c71ecec9e9cb8", 0}}},
    {.id = "fashion-mnist",
     .title = "Fashion-MNIST: 70,000 grey images of 28 pixels, 10 classes",
     .size = "31 MB",
     .terms = "MIT",
     .page = "https://github.com/zalandoresearch/fashion-mnist",
     .whose = "its page",
     .plugin = "idx",
     .files = {{"train-images-idx3-ubyte.gz", FASHION, "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 0},
               {"train-labels-idx1-ubyte.gz", FASHION, "25c81989df183df01b3e8a0aad5dffbe", 0},
               {"t10k-images-idx3-ubyte.gz", FASHION, "bef4ecab320f06d8554ea6380940ec79", 0},
               {"t10k-labels-idx1-ubyte.gz", FASHION, "bb300cfdad3c16e7a12a480ee83cd310", 0}}},
    {.id = "imagenette-160",
     .title = "Imagenette 2: 13,000 images of 10 classes of ImageNet, 160 pixels",
     .size = "99 MB",
     .terms = "ImageNet's: non-commercial research",
     .page = "https://github.com/fastai/imagenette",
     .whose = "torchvision",
     .plugin = "image_folder",
     .path = "imagenette2-160.tgz",
     .options = {{"root", "imagenette2-160/train"}},
     .files = {{"imagenette2-160.tgz", FASTAI, "e793b78cc4c9e9a4ccc0c1155377a412", 0}}},
    {.id = "imagenette-320",
     .title = "Imagenette 2: 13,000 images of 10 classes of ImageNet, 320 pixels",
     .size = "342 MB",
     .terms = "ImageNet's: non-commercial research",
     .page = "https://github.com/fastai/imagenette",
     .whose = "torchvision",
     .plugin = "image_folder",
     .path = "imagenette2-320.tgz",
     .options = {{"root", "imagenette2-320/train"}},
     .files = {{"imagenette2-320.tgz", FASTAI, "3df6f0d01a2c9592104656642f5e78a3", 0}}},
    {.id = "mnist",
     .title = "MNIST: 70,000 grey images of 28 pixels, 10 digits (PyTorch's mirror)",
     .size = "12 MB",
     .terms = "none stated",
     .page = "http://yann.lecun.com/exdb/mnist/",
     .whose = "torchvision",
     .plugin = "idx",
     .files = {{"train-images-idx3-ubyte.gz", MNIST, "f68b3c2dcbeaaa9fbdd348bbdeb94873", 0},
               {"train-labels-idx1-ubyte.gz", MNIST, "d53e105ee54ea40749a09fcbcd1e9432", 0},
               {"t10k-images-idx3-ubyte.gz", MNIST, "9fb629c4189551a2d022fa330f9573f3", 0},
               {"t10k-labels-idx1-ubyte.gz", MNIST, "ec29112dd5afa0611ce80d1b7f02629c", 0}}},
    {.id = "stl10",
     .title = "STL-10: 113,000 images of 96 pixels, 13,000 of them of 10 classes",
     .size = "2.6 GB",
     .terms = "ImageNet's: non-commercial research",
     .page = "https://cs.stanford.edu/~acoates/stl10/",
     .whose = "torchvision",
     .plugin = "stl10",
     .path = "stl10_binary.tar.gz",
     .options = {{"split", "train+unlabeled"}},
     .files = {{"stl10_binary.tar.gz", "http://ai.stanford.edu/~acoates/stl10/",
                "91f7769df0f17e558f3565bffb0c7dfb", 0}}},
    {.id = "tiny-imagenet",
     .title = "Tiny-ImageNet: 120,000 images of 64 pixels, 200 classes of ImageNet",
     .size = "248 MB",
     .terms = "ImageNet's: non-commercial research",
     .page = "http://cs231n.stanford.edu/",
     .plugin = "tiny_imagenet",
     .path = "tiny-imagenet-200.zip",
     .files = {{"tiny-imagenet-200.zip", "http://cs231n.stanford.edu/", NULL, 248100043}}},
    {.id = "voc2007",
     .title = "PASCAL VOC 2007: 9,963 photographs with boxes of 20 classes",
     .size = "911 MB",
     .terms = "Flickr's; for research",
     .page = "http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
     .whose = "torchvision",
     .plugin = "image_folder",
     .path = "VOCtrainval_06-Nov-2007.tar",
     .options = {{"root", "VOCdevkit/VOC2007/JPEGImages"}, {"labels", "none"}},
     .files = {{"VOCtrainval_06-Nov-2007.tar", VOC, "c52e279531787c972589f7e41ab4ae64", 0},
               {"VOCtest_06-Nov-2007.tar", VOC, "b6e924de25625d8de591ea690078ad9f", 0}}},
    {.id = NULL},
};

const public_set *public_set_find(const char *id) {
    for (const public_set *s = public_sets; s->id; s++) {
        if (strcmp(s->id, id) == 0) {
            return s;
        }
    }
    return NULL;
}
