# All but the memory of the process, which depends on the build.
kindred plan run.yaml | grep -v -e 'program and' -e 'peak, predicted'
ls
