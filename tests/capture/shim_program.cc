// A program that is linked to nothing of ours and not to the renderer either: like QEMU it loads a
// module, and the module needs libvirglrenderer.
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char** argv) {
  if (argc < 3) return 90;
  void* module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    fprintf(stderr, "%s\n", dlerror());
    return 91;
  }
  auto* run = reinterpret_cast<int (*)(const char*)>(dlsym(module, "run_scenario"));
  return run == nullptr ? 92 : run(argv[2]);
}
