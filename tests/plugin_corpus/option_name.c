/* SPDX-License-Identifier: Apache-2.0
 * An option under the key by which a configuration names the plugin itself. */
#include <kindred/method.h>

struct one {
    int plugin;
};

KD_PLUGIN(METHOD, "option_name", "1.0.0", struct one, "takes the host's word", "-")
KD_INT(struct one, plugin, 1, 1, 10, "cannot be")
