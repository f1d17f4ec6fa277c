// The device's side of a virtqueue and a driver, with nothing between them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/vhost_user/virt_queue.h"
#include "tests/support/vhost_user_driver.h"

namespace vgpu::test {

class VhostUserQueue : public testing::Test {
 protected:
  static constexpr uint16_t kSize = 8;

  void Start(bool event_index = false, uint16_t base = 0) {
    driver_ = std::make_unique<DriverQueue>(ram_, kSize, event_index);
    driver_->BeginAt(base);
    ASSERT_TRUE(memory_.Add(ram_.region(), ram_.fd()));
    ASSERT_TRUE(queue_.SetSize(kSize));
    ASSERT_TRUE(queue_.Place(memory_, driver_->Address(0), event_index));
    queue_.Start(base);
  }

  DriverQueue::Buffer Text(std::string_view text) {
    const uint64_t place = ram_.Allocate(text.size());
    ram_.Write(place, std::as_bytes(std::span(text)));
    return {place, static_cast<uint32_t>(text.size()), false};
  }
  DriverQueue::Buffer Room(uint32_t size) { return {ram_.Allocate(size), size, true}; }

  std::optional<vhost::VirtQueue::Request> Take(bool allow_indirect = true) {
    auto request = queue_.Take(memory_, allow_indirect);
    EXPECT_TRUE(request) << request.error().message;
    return request ? *request : std::nullopt;
  }
  std::string TakenText(bool allow_indirect = true) {
    const auto request = Take(allow_indirect);
    if (!request) return "nothing";
    return {reinterpret_cast<const char*>(request->bytes.data()), request->bytes.size()};
  }
  // The sentence of the error, which must come.
  std::string Refusal(bool allow_indirect = true) {
    const auto request = queue_.Take(memory_, allow_indirect);
    EXPECT_FALSE(request);
    return request ? "" : request.error().message;
  }
  bool Finish(const vhost::VirtQueue::Request& request, std::string_view response) {
    const auto finished =
        queue_.Finish(memory_, request.head, request.serial, std::as_bytes(std::span(response)));
    EXPECT_TRUE(finished) << finished.error().message;
    return finished && *finished;
  }
  // An indirect table with what `entries` says, offered by a descriptor of `length` bytes.
  void OfferTable(const std::vector<vhost::Descriptor>& entries, uint32_t length,
                  uint16_t more_flags = 0) {
    const uint64_t place = ram_.Allocate(entries.size() * sizeof(vhost::Descriptor) + 16);
    ram_.Write(place, std::as_bytes(std::span(entries)));
    const uint16_t head = driver_->Allocate();
    driver_->Write(head, place, length,
                   static_cast<uint16_t>(vhost::kDescriptorIndirect | more_flags));
    driver_->Offer(head);
  }

  GuestRam ram_{8u << 20};
  vhost::MemoryTable memory_;
  std::unique_ptr<DriverQueue> driver_;
  vhost::VirtQueue queue_;
};

}  // namespace vgpu::test
