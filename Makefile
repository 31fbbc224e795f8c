# The front door: every target forwards to a script or to Meson, and decides nothing.

all: ## configure and build into build/
	tools/build.sh

demo: ## install what is missing, build, train on Fashion-MNIST and print the table
	tools/demo

test: ## install what is missing, build, run all tests
	tools/test

asan: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer (build-asan/)
	tools/test asan

asan-long: ## those that take minutes there: every method, every rule of plugin check, whole studies and evals
	tools/test asan --suite long

asan-cuda: ## the cuda device's own tests under them, over the double (build-asan-cuda/)
	tools/test asan-cuda

check: ## formatting, who includes what, golden texts
	tools/check_format.sh
	tools/check_layers.sh
	tools/test graph config_golden cli

golden: all ## rewrite what golden files the host can make again; then read git diff
	KINDRED_REWRITE_GOLDEN=1 meson test -C build graph config_golden cli abi_frozen

emulate: all ## CUDA kernels on the CPU: all sizes, in four orders of threads (minutes)
	meson test -C build --benchmark --suite emulate --verbose

bench: all ## kindred's step beside PyTorch's, in one sitting (needs python3-torch)
	bench/step.sh

tensorboard: all ## event files read by TensorBoard itself (from PyPI, into a venv elsewhere)
	bench/tensorboard.sh

browser: all ## reports in headless Chromium at two widths; screenshots in /tmp/kindred-screenshots
	tests/report_browser.sh . build/kindred /tmp/kindred-screenshots

reference: all ## write docs/reference from the plugins' notes
	tools/reference.sh

bundle: all ## a tarball that runs where nothing is installed (needs patchelf)
	tools/bundle.sh

listing: all ## how long a list of 500 plugins takes
	bench/list_plugins.sh build/kindred build/tests/plugin_corpus/aborts.so 20

newcomer: all ## how long it takes from `plugin new` to a trained and checked method
	meson install -C build --no-rebuild --destdir install >/dev/null
	bench/new_method.sh "$$(find build/install -path '*/bin/kindred')"

fuzz: ## fuzz a reader of outside bytes: make fuzz T=note S=60 (needs clang)
	tools/fuzz.sh $(or $(T),note) $(or $(S),60)

size: ## lines per directory, longest files and functions
	tools/size.sh

install: all ## into the prefix that build/ was configured with
	meson install -C build

clean: ## remove build/, build-asan/ and build-asan-cuda/
	rm -rf build build-asan build-asan-cuda

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

.PHONY: all demo test asan asan-long asan-cuda check golden emulate bench tensorboard browser reference bundle listing newcomer fuzz size install clean help
