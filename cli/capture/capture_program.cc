#include "cli/capture/verbs.h"
#include "cli/verb.h"

namespace vgpu::cli {

const Program& CaptureProgram() {
  static constexpr Verb kVerbs[] = {
      {"run", "Record any program that loads libvirglrenderer: QEMU, crosvm, virgl_test_server",
       AddCaptureRun},
      {"app", "Record a GL application with no VM, through a private virgl_test_server",
       AddCaptureApp},
      {"device", "Be the GPU of a guest: a vhost-user-gpu back-end, which records what it serves",
       AddCaptureDevice},
      {"ctl", "Steer a recording that runs", AddCaptureCtl},
  };
  static const Program program = {
      "vgpu-capture",
      "Records what a virtual GPU is told to do, with all that it reads, into a trace.", kVerbs};
  return program;
}

}  // namespace vgpu::cli
