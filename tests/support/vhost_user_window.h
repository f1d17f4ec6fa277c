// The host-visible window of a front-end, for tests: a range of its address space into which it
// maps what the back-end asks for, well-behaved or not.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "capture/io/unique_fd.h"
#include "capture/vhost_user/messages.h"

namespace vgpu::test {

class HostVisibleWindow {
 public:
  // `channel`: this end of what SET_BACKEND_REQ_FD hands over. `region`: the one that it is.
  HostVisibleWindow(uint64_t size, UniqueFd channel, uint8_t region = vhost::kHostVisibleRegion);
  ~HostVisibleWindow();
  HostVisibleWindow(const HostVisibleWindow&) = delete;
  HostVisibleWindow& operator=(const HostVisibleWindow&) = delete;

  // Does what has been asked for, in its order, and answers where an answer is wanted. A range that
  // is mapped already is not mapped again, and only whole mappings are unmapped.
  void Serve();
  // What a front-end does when it resets the device.
  void UnmapAll();

  std::span<std::byte> bytes() const { return bytes_; }
  // The size of each mapping by its offset.
  const std::map<uint64_t, uint64_t>& mapped() const { return mapped_; }
  int requests() const { return requests_; }
  // Of the dedicated heap: what was mapped last.
  int fd() const { return fd_.get(); }
  uint64_t flags() const { return flags_; }
  uint8_t region() const { return region_; }

  // Misbehaviour.
  bool refuse = false;  // everything is answered with failure
  bool asleep = false;  // reads nothing
  bool silent = false;  // does what it reads, and answers nothing until Answer
  void Answer();
  void SendRaw(Bytes bytes);
  void HangUp() { channel_.Reset(); }
  int channel() const { return channel_.get(); }

 private:
  bool ServeOne();
  bool Map(const vhost::WindowMapping& mapping, UniqueFd fd);
  bool Unmap(const vhost::WindowMapping& mapping);
  bool Free(const vhost::WindowMapping& mapping) const;
  void Reserve(uint64_t offset, uint64_t size);

  std::span<std::byte> bytes_;
  UniqueFd channel_;
  const uint8_t region_;
  UniqueFd fd_;
  uint64_t flags_ = 0;
  std::map<uint64_t, uint64_t> mapped_;
  std::vector<std::byte> answers_;  // that wait for Answer
  int requests_ = 0;
};

}  // namespace vgpu::test
