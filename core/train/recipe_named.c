/* SPDX-License-Identifier: Apache-2.0
 * The named recipes of augmentation. Where two published versions of one recipe differ, its source
 * line says which this is. */
#include "train/recipe_named.h"

#include <kindred/resample.h>

#include <string.h>

/* PIL's blur is not cut off like SimCLR's kernel: three of the largest standard deviations. */
#define PIL_RADIUS 6

/* clang-format off */
#define CROP(from, to, filter) {KD_AUGMENT_RANDOM_RESIZED_CROP, {from, to, 3.0 / 4, 4.0 / 3, filter}}
#define FLIP {KD_AUGMENT_FLIP, {0.5}}
#define JITTER(p, brightness, contrast, saturation, hue)                                           \
    {KD_AUGMENT_COLOR_JITTER, {p, brightness, contrast, saturation, hue}}
#define GRAY {KD_AUGMENT_GRAYSCALE, {0.2}}
#define RARELY_GRAY {KD_AUGMENT_GRAYSCALE, {0.1}}
#define BLUR(p, radius) {KD_AUGMENT_BLUR, {p, radius, 0.1, 2}}
#define SOLARIZE(p) {KD_AUGMENT_SOLARIZE, {p, 0.5}}
#define END {RECIPE_END, {0}}

static const recipe_step
simclr[] = {CROP(0.08, 1, KD_BICUBIC), FLIP, JITTER(0.8, 0.8, 0.8, 0.8, 0.2), GRAY, BLUR(0.5, 0), END},
simclr_cifar[] = {CROP(0.08, 1, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0.4, 0.1), GRAY, END},
moco_v1[] = {CROP(0.2, 1, KD_BILINEAR), GRAY, JITTER(1, 0.4, 0.4, 0.4, 0.4), FLIP, END},
moco_v2[] = {CROP(0.2, 1, KD_BILINEAR), JITTER(0.8, 0.4, 0.4, 0.4, 0.1), GRAY, BLUR(0.5, PIL_RADIUS), FLIP, END},
moco_v3_1[] = {CROP(0.2, 1, KD_BILINEAR), JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(1, PIL_RADIUS), FLIP, END},
moco_v3_2[] = {CROP(0.2, 1, KD_BILINEAR), JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(0.1, PIL_RADIUS), SOLARIZE(0.2), FLIP, END},
byol_1[] = {CROP(0.08, 1, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(1, PIL_RADIUS), END},
byol_2[] = {CROP(0.08, 1, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(0.1, PIL_RADIUS), SOLARIZE(0.2), END},
dino_1[] = {CROP(0.14, 1, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(1, PIL_RADIUS), END},
dino_2[] = {CROP(0.14, 1, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(0.1, PIL_RADIUS), SOLARIZE(0.2), END},
dino_global_1[] = {CROP(0.4, 1, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(1, PIL_RADIUS), END},
dino_global_2[] = {CROP(0.4, 1, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(0.1, PIL_RADIUS), SOLARIZE(0.2), END},
dino_local[] = {CROP(0.05, 0.4, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(0.5, PIL_RADIUS), END},
dino_convnet_local[] = {CROP(0.05, 0.14, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, BLUR(0.5, PIL_RADIUS), END},
swav[] = {CROP(0.08, 1, KD_BILINEAR), FLIP, JITTER(0.8, 0.8, 0.8, 0.8, 0.2), GRAY, BLUR(0.5, PIL_RADIUS), END},
swav_global[] = {CROP(0.14, 1, KD_BILINEAR), FLIP, JITTER(0.8, 0.8, 0.8, 0.8, 0.2), GRAY, BLUR(0.5, PIL_RADIUS), END},
swav_local[] = {CROP(0.05, 0.14, KD_BILINEAR), FLIP, JITTER(0.8, 0.8, 0.8, 0.8, 0.2), GRAY, BLUR(0.5, PIL_RADIUS), END},
pirl_image[] = {CROP(0.08, 1, KD_BILINEAR), JITTER(1, 0.4, 0.4, 0.4, 0.2), GRAY, FLIP, END},
pirl_jigsaw[] = {CROP(0.6, 1, KD_BILINEAR), JITTER(1, 0.4, 0.4, 0.4, 0.2), GRAY, FLIP, END},
pirl_blur_jigsaw[] = {CROP(0.6, 1, KD_BILINEAR), FLIP, JITTER(0.8, 0.8, 0.8, 0.8, 0.2), GRAY, BLUR(0.5, PIL_RADIUS), END},
htdt[] = {CROP(0.2, 1, KD_BICUBIC), JITTER(0.8, 0.4, 0.4, 0.4, 0.1), RARELY_GRAY, FLIP, END},
solo_symmetric[] = {CROP(0.08, 1, KD_BICUBIC), JITTER(0.8, 0.8, 0.8, 0.8, 0.2), GRAY, BLUR(0.5, PIL_RADIUS), FLIP, END},
solo_symmetric_weak[] = {CROP(0.08, 1, KD_BICUBIC), JITTER(0.8, 0.4, 0.4, 0.4, 0.1), GRAY, BLUR(0.5, PIL_RADIUS), FLIP, END},
solo_asymmetric_1[] = {CROP(0.08, 1, KD_BICUBIC), JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, FLIP, END},
solo_asymmetric_2[] = {CROP(0.08, 1, KD_BICUBIC), JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, SOLARIZE(0.2), FLIP, END},
solo_vicreg[] = {CROP(0.2, 1, KD_BICUBIC), JITTER(0.8, 0.4, 0.4, 0.2, 0.1), GRAY, SOLARIZE(0.1), FLIP, END},
gray[] = {CROP(0.2, 1, KD_BICUBIC), FLIP, JITTER(0.8, 0.4, 0.4, 0, 0), BLUR(0.5, 0), END},
whole[] = {{KD_AUGMENT_RESIZE, {KD_BICUBIC}}, END},
eval[] = {{KD_AUGMENT_CENTER_CROP, {1, KD_BICUBIC}}, END},
eval_imagenet[] = {{KD_AUGMENT_CENTER_CROP, {256.0 / 224, KD_BILINEAR}}, END};
/* clang-format on */

static const named_recipe recipes[] = {
    {"simclr",
     "SimCLR on ImageNet, strength 1 (google-research/simclr data_util.py, which leaves [0, 1] as "
     "it is; the PyTorch ports normalise)",
     "imagenet",
     1,
     {simclr}},
    {"simclr_cifar",
     "SimCLR on CIFAR-10, strength 1/2, no blur (arXiv 2002.05709, appendix B.9)",
     "cifar10",
     1,
     {simclr_cifar}},
    {"moco_v1", "MoCo v1 (facebookresearch/moco main_moco.py)", "imagenet", 1, {moco_v1}},
    {"moco_v2",
     "MoCo v2 and SimSiam (facebookresearch/moco main_moco.py --aug-plus)",
     "imagenet",
     1,
     {moco_v2}},
    {"moco_v3",
     "MoCo v3 with ResNet-50, asymmetric (facebookresearch/moco-v3 main_moco.py)",
     "imagenet",
     2,
     {moco_v3_1, moco_v3_2}},
    {"byol",
     "BYOL, asymmetric: blur 1 and 0.1, solarize 0 and 0.2 (arXiv 2006.07733, table 6)",
     "imagenet",
     2,
     {byol_1, byol_2}},
    {"barlow_twins",
     "Barlow Twins, as byol (facebookresearch/barlowtwins main.py)",
     "imagenet",
     2,
     {byol_1, byol_2}},
    {"vicreg",
     "VICReg, as byol (facebookresearch/vicreg augmentations.py)",
     "imagenet",
     2,
     {byol_1, byol_2}},
    {"dino",
     "DINO without local crops, asymmetric (facebookresearch/dino main_dino.py, crops 0.14 to 1)",
     "imagenet",
     2,
     {dino_1, dino_2}},
    {"dino_global",
     "DINO's global crops, asymmetric (facebookresearch/dino main_dino.py)",
     "imagenet",
     2,
     {dino_global_1, dino_global_2}},
    {"dino_local",
     "DINO's local crops (facebookresearch/dino main_dino.py)",
     "imagenet",
     1,
     {dino_local}},
    {"dino_convnet_local",
     "DINO's local crops for ResNets, whose global ones are dino (facebookresearch/dino README)",
     "imagenet",
     1,
     {dino_convnet_local}},
    {"swav",
     "SwAV and DeepCluster v2 with two views (facebookresearch/swav multicropdataset.py)",
     "imagenet_swav",
     1,
     {swav}},
    {"swav_global",
     "SwAV's and DeepCluster v2's global crops (facebookresearch/swav scripts)",
     "imagenet_swav",
     1,
     {swav_global}},
    {"swav_local",
     "SwAV's and DeepCluster v2's local crops (facebookresearch/swav scripts)",
     "imagenet_swav",
     1,
     {swav_local}},
    {"pirl_image",
     "PIRL's image, without PIL's random photometric changes (vissl "
     "pirl_jigsaw_4node_resnet50.yaml)",
     "imagenet",
     1,
     {pirl_image}},
    {"pirl_jigsaw",
     "the view that PIRL cuts patches of, altered as a whole, where vissl alters each patch",
     "imagenet",
     1,
     {pirl_jigsaw}},
    {"pirl_blur_image",
     "PIRL's image with SimCLR's colours and blur (vissl photo_gblur.yaml)",
     "imagenet",
     1,
     {swav}},
    {"pirl_blur_jigsaw",
     "the same for the view that is cut into patches",
     "imagenet",
     1,
     {pirl_blur_jigsaw}},
    {"htdt",
     "W-MSE at 64 px (htdt/self-supervised), where colours change before the cut, here after it",
     "tiny_imagenet",
     1,
     {htdt}},
    {"solo_cifar_symmetric",
     "solo-learn on CIFAR: SimCLR, SwAV, DeepCluster v2, SupCon (augmentations/symmetric.yaml)",
     "cifar10",
     1,
     {solo_symmetric}},
    {"solo_cifar_symmetric_weak",
     "solo-learn on CIFAR: MoCo v2+, SimSiam (augmentations/symmetric_weak.yaml)",
     "cifar10",
     1,
     {solo_symmetric_weak}},
    {"solo_cifar_asymmetric",
     "solo-learn on CIFAR: BYOL, MoCo v3, Barlow Twins, DINO, NNCLR "
     "(augmentations/asymmetric.yaml)",
     "cifar10",
     2,
     {solo_asymmetric_1, solo_asymmetric_2}},
    {"solo_cifar_vicreg",
     "solo-learn on CIFAR: VICReg (augmentations/vicreg.yaml)",
     "cifar10",
     1,
     {solo_vicreg}},
    {"gray",
     "for images of one channel, such as Fashion-MNIST: crop, flip, brightness, contrast, blur "
     "(kindred's own)",
     "store",
     1,
     {gray}},
    {"none", "the whole image, resized to a square, and nothing else", "imagenet", 1, {whole}},
    {"eval",
     "the short side resized, the centre cut; nothing is lost of a square image",
     "imagenet",
     1,
     {eval}},
    {"eval_imagenet",
     "the short side resized to 256/224 of the size, the centre cut (torchvision references)",
     "imagenet",
     1,
     {eval_imagenet}},
};

static const recipe_statistics statistics[] = {
    {"imagenet", {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}},
    {"imagenet_swav", {0.485, 0.456, 0.406}, {0.228, 0.224, 0.225}}, /* as its code has it */
    {"tiny_imagenet", {0.480, 0.448, 0.398}, {0.277, 0.269, 0.282}}, /* as htdt has it */
    {"stl10", {0.43, 0.42, 0.39}, {0.27, 0.26, 0.27}},               /* as htdt has it */
    {"cifar10", {0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}},
    {"cifar100", {0.5071, 0.4865, 0.4409}, {0.2673, 0.2564, 0.2762}},
};

const named_recipe *named_recipe_at(int i) {
    const int count = (int)(sizeof recipes / sizeof *recipes);
    return i >= 0 && i < count ? &recipes[i] : NULL;
}

const named_recipe *find_named_recipe(const char *name) {
    for (int i = 0; named_recipe_at(i); i++) {
        if (strcmp(recipes[i].name, name) == 0) {
            return &recipes[i];
        }
    }
    return NULL;
}

const recipe_statistics *recipe_statistics_at(int i) {
    const int count = (int)(sizeof statistics / sizeof *statistics);
    return i >= 0 && i < count ? &statistics[i] : NULL;
}
