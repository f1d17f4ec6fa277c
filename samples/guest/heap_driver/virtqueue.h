// A split virtqueue that carries one request at a time and is polled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dma_pages.h"

class Virtqueue {
 public:
  static constexpr uint16_t kSize = 16;  // descriptors

  Virtqueue() : pages_(3) {}

  // Where the device finds its parts.
  uint64_t descriptors() const { return pages_.address(kQueuePage); }
  uint64_t available() const { return descriptors() + kAvailable; }
  uint64_t used() const { return descriptors() + kUsed; }
  // The register that a write of the queue's index to tells the device of requests.
  void SetNotify(volatile uint16_t* notify, uint16_t index) { notify_ = notify, index_ = index; }

  // Sends `request`, a page at most, and waits for as much of the response as fits into `response`.
  // Returns how many bytes came. Ends the program where none comes within ten seconds.
  std::size_t Exchange(std::span<const std::byte> request, std::span<std::byte> response);

 private:
  static constexpr std::size_t kQueuePage = 0, kRequestPage = 1, kResponsePage = 2;
  static constexpr std::size_t kAvailable = 1024, kUsed = 2048;  // offsets in the queue's page

  DmaPages pages_;
  volatile uint16_t* notify_ = nullptr;
  uint16_t index_ = 0;
  uint16_t sent_ = 0;
};
