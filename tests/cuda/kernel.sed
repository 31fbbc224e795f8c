# A .cu file as C++ for the CPU (sed -zEf, of GNU): cuda_on_cpu.h in front, with lines counted as in
# the file, and __launch_bounds__(T, B) turned into a call at the beginning of the kernel, which
# sees how it was launched.
s/__launch_bounds__(\(([^()]|\([^()]*\))*\))([^{;]*)\{/\3{ emulation::bounds\1;/g
s/^/#include "cuda_on_cpu.h"\n#line 1\n/
