/* SPDX-License-Identifier: Apache-2.0
 * The commands under `kindred plugin`, and what `--help` says about them. */
#include "cli/cli_plugin.h"

#include "cli/cli_plugin_package.h"

const command plugin_commands[] = {
    {"plugin list", "all json", NULL, "list plugins",
     "kindred plugin list [options]\n"
     "\n"
     "Lists plugins, from what the files say of themselves: no plugin's code runs.\n"
     "\n"
     "  --all               also those refused or shadowed, with the reason\n"
     "  --json              for programs\n" PLUGIN_OPTIONS,
     command_plugin_list},
    {"plugin describe", "json markdown", "ID", "describe a plugin and its options",
     "kindred plugin describe ID [options]\n"
     "\n"
     "Prints a plugin's options with type, range, default and meaning, from what its file says of\n"
     "itself: no plugin's code runs, and a file that cannot be loaded here is described too.\n"
     "\n"
     "  --json              for programs\n"
     "  --markdown          as a page of the reference\n" PLUGIN_OPTIONS,
     command_plugin_describe},
    {"plugin new", "kind to", "NAME", "begin a plugin of your own",
     "kindred plugin new --kind KIND NAME [options]\n"
     "\n"
     "Writes a small project: one C file, meson.build, a test, a licence, a CI file. It builds "
     "with\n"
     "kindred's installed headers alone, passes its checks and trains as it stands. NAME is the\n"
     "plugin's id, as mine or org.lab.mine; its last part names the files.\n"
     "\n"
     "  --kind KIND         method, backbone, dataset, eval or device\n"
     "  --to DIR            the project's folder, which is not there yet (default: NAME's last "
     "part)\n",
     command_plugin_new},
    {"plugin check", "level tap json seed", "FILE", "check a plugin's file",
     "kindred plugin check FILE.so [key=value ...] [options]\n"
     "\n"
     "Holds a plugin to the rules of its interface, level by level; docs/plugin-rules.md has "
     "them.\n"
     "Level 0 runs none of its code; above, each rule runs in a process of its own. Ends with 1\n"
     "when a rule fails. Keys are the plugin's options, where its defaults will not do.\n"
     "\n"
     "  --level N           0 reads the file, 1 loads it, 2 holds it to the contract, 3 looks at\n"
     "                      what it computes (default: 3)\n"
     "  --seed N            of everything that is drawn (default: 1)\n"
     "  --tap               as the Test Anything Protocol, for meson test\n"
     "  --json              for programs\n",
     command_plugin_check},
    {"plugin pack", "id key to", "FILE...", "make a package of plugins",
     "kindred plugin pack FILE.so... [options]\n"
     "\n"
     "Writes ID-VERSION.kdpkg: the plugins of one version, of any machines, with a manifest made\n"
     "from their notes, the SHA-256 of every file and a signature. Companions (NAME.cuda.so "
     "beside\n"
     "NAME.so) go with their plugins; name those that lie elsewhere. Files that are no .so go to\n"
     "LICENSES/ (LICENSE..., COPYING...) or share/. The same files make the same bytes; a\n"
     "signature's date is SOURCE_DATE_EPOCH where it is set.\n"
     "\n"
     "  --key NAME.key      sign by this key (kindred plugin key); minisign's keys do too\n"
     "  --id ID             the package's id, where plugins have several\n"
     "  --to FILE           where to\n",
     command_plugin_pack},
    {"plugin verify", "", "FILE.kdpkg", "say what a package is and who signed it",
     "kindred plugin verify FILE.kdpkg\n"
     "\n"
     "Compares every file with its SHA-256 and the manifest with the plugins' notes, and looks "
     "for\n"
     "the signer among the trusted keys. Fails unless one signed it. No plugin's code runs.\n",
     command_plugin_verify},
    {"plugin install", "user system to", "FILE.kdpkg", "install a package",
     "kindred plugin install FILE.kdpkg [options]\n"
     "\n"
     "Verifies a package and installs its plugins for this machine. What it replaces is removed,\n"
     "unless the plugins.lock of a run names it (--user) or may (--system, --to).\n"
     "\n"
     "  --user              where this user's plugins are (the default)\n"
     "  --system            where this machine's are, for all users\n"
     "  --to DIR            here, for --plugin-path DIR or KINDRED_PLUGIN_PATH\n",
     command_plugin_install},
    {"plugin remove", "user system to", "ID[@VERSION]", "remove an installed package",
     "kindred plugin remove ID[@VERSION] [options]\n"
     "\n"
     "Removes an installed package, unless the plugins.lock of a run names it.\n"
     "\n"
     "  --user              where this user's plugins are (the default)\n"
     "  --system            where this machine's are, for all users\n"
     "  --to DIR            here\n",
     command_plugin_remove},
    {"plugin outdated", "from user system to", NULL, "list packages that have newer versions",
     "kindred plugin outdated [options]\n"
     "\n"
     "Lists installed packages that a newer version stands beside, and those that a folder offers\n"
     "a newer version of. Nothing is fetched.\n"
     "\n"
     "  --from DIR          a folder in which .kdpkg files are published\n"
     "  --user              where this user's plugins are (the default)\n"
     "  --system            where this machine's are, for all users\n"
     "  --to DIR            here\n",
     command_plugin_outdated},
    {"plugin key", "", "NAME", "make a pair of keys to sign packages by",
     "kindred plugin key NAME\n"
     "\n"
     "Writes NAME.key, which signs, and NAME.pub, which verifies, in minisign's format. The "
     "secret\n"
     "key has no password; `minisign -G` makes one that has.\n",
     command_plugin_key},
    {"plugin trust", "ids until system", "FILE.pub", "trust a key's packages",
     "kindred plugin trust FILE.pub [options]\n"
     "\n"
     "Copies a public key to ~/.config/kindred/keys.d: what it signed can be installed. Get the\n"
     "file from its owner, by another way than the packages.\n"
     "\n"
     "  --ids 'ORG.LAB.*'   only packages and plugins whose ids are such, or several with spaces\n"
     "  --until YYYY-MM-DD  only what it signs until then\n"
     "  --system            for all users: /etc/kindred/keys.d\n",
     command_plugin_trust},
    {.name = NULL},
};
