// The device's side of a virtqueue against a driver that keeps the rules, and one that does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <random>
#include <thread>

#include "capture/vhost_user/virt_queue.h"
#include "format/protocol/limits.h"
#include "tests/support/vhost_user_driver.h"

namespace vgpu::test {
namespace {

using ::testing::HasSubstr;
using Buffer = DriverQueue::Buffer;
using Used = DriverQueue::Used;
using vhost::Descriptor;
using vhost::kDescriptorIndirect;
using vhost::kDescriptorNext;
using vhost::kDescriptorWrite;
using vhost::VirtQueue;

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

  Buffer Text(std::string_view text) {
    const uint64_t place = ram_.Allocate(text.size());
    ram_.Write(place, std::as_bytes(std::span(text)));
    return {place, static_cast<uint32_t>(text.size()), false};
  }
  Buffer Room(uint32_t size) { return {ram_.Allocate(size), size, true}; }

  std::optional<VirtQueue::Request> Take(bool allow_indirect = true) {
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
  bool Finish(const VirtQueue::Request& request, std::string_view response) {
    const auto finished =
        queue_.Finish(memory_, request.head, request.serial, std::as_bytes(std::span(response)));
    EXPECT_TRUE(finished) << finished.error().message;
    return finished && *finished;
  }
  // An indirect table with what `entries` says, offered by a descriptor of `length` bytes.
  void OfferTable(const std::vector<Descriptor>& entries, uint32_t length,
                  uint16_t more_flags = 0) {
    const uint64_t place = ram_.Allocate(entries.size() * sizeof(Descriptor) + 16);
    ram_.Write(place, std::as_bytes(std::span(entries)));
    const uint16_t head = driver_->Allocate();
    driver_->Write(head, place, length, static_cast<uint16_t>(kDescriptorIndirect | more_flags));
    driver_->Offer(head);
  }

  GuestRam ram_{8u << 20};
  vhost::MemoryTable memory_;
  std::unique_ptr<DriverQueue> driver_;
  VirtQueue queue_;
};

TEST_F(VhostUserQueue, AChainIsGatheredAndItsResponseScattered) {
  Start();
  const Buffer first = Room(3), second = Room(100);
  const uint16_t head = driver_->Add({Text("one "), Text("request"), first, second});
  const auto request = Take();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->head, head);
  EXPECT_EQ(request->capacity, 103u);
  EXPECT_EQ(
      std::string(reinterpret_cast<const char*>(request->bytes.data()), request->bytes.size()),
      "one request");
  EXPECT_TRUE(Finish(*request, "response"));
  EXPECT_EQ(ram_.TextAt(first.address, 3), "res");
  EXPECT_EQ(ram_.TextAt(second.address, 5), "ponse");
  EXPECT_EQ(driver_->TakeUsed(), (Used{head, 8}));
  EXPECT_EQ(TakenText(), "nothing");
}

TEST_F(VhostUserQueue, AnIndirectChainIsLikeADirectOne) {
  Start();
  const Buffer room = Room(8);
  const uint16_t head = driver_->AddIndirect({Text("in"), Text("direct"), room});
  const auto request = Take();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->bytes.size(), 8u);
  EXPECT_TRUE(Finish(*request, "ok"));
  EXPECT_EQ(driver_->TakeUsed(), (Used{head, 2}));
  EXPECT_EQ(ram_.TextAt(room.address, 2), "ok");
}

TEST_F(VhostUserQueue, AnIndirectChainMayBeLongerThanTheQueue) {
  Start();
  std::vector<Buffer> buffers;
  for (int i = 0; i < 100; ++i) buffers.push_back(Text("x"));
  driver_->AddIndirect(buffers);
  EXPECT_EQ(TakenText(), std::string(100, 'x'));
}

TEST_F(VhostUserQueue, DirectDescriptorsMayStandBeforeAnIndirectOne) {
  Start();
  const Buffer text = Text("direct ");
  const Buffer tail = Text("tail");
  const uint64_t table = ram_.Allocate(sizeof(Descriptor));
  const Descriptor entry = {tail.address, tail.size, 0, 0};
  ram_.Write(table, std::as_bytes(std::span(&entry, 1)));
  driver_->Write(0, text.address, text.size, kDescriptorNext, 1);
  driver_->Write(1, table, sizeof(entry), kDescriptorIndirect);
  driver_->Offer(0);
  EXPECT_EQ(TakenText(), "direct tail");
}

TEST_F(VhostUserQueue, AResponseLongerThanItsRoomIsCut) {
  Start();
  const Buffer room = Room(4);
  const Buffer behind = Room(4);
  const uint16_t head = driver_->Add({Text("a"), room});
  EXPECT_TRUE(Finish(*Take(), "too long"));
  EXPECT_EQ(driver_->TakeUsed(), (Used{head, 4}));
  EXPECT_EQ(ram_.TextAt(room.address, 4), "too ");
  EXPECT_EQ(ram_.TextAt(behind.address, 4), std::string_view("\0\0\0\0", 4));
}

TEST_F(VhostUserQueue, RequestsWithoutARequestOrWithoutRoomComeThrough) {
  Start();
  const uint16_t room_only = driver_->Add({Room(4)});
  const auto empty = Take();
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->bytes.empty());
  EXPECT_TRUE(Finish(*empty, "ok"));
  const uint16_t text_only = driver_->Add({Text("a")});
  EXPECT_TRUE(Finish(*Take(), "nowhere"));
  EXPECT_EQ(driver_->TakeUsed(), (Used{room_only, 2}));
  EXPECT_EQ(driver_->TakeUsed(), (Used{text_only, 0}));
}

TEST_F(VhostUserQueue, ResponsesMayComeInAnyOrderAndOnlyOnce) {
  Start();
  const uint16_t first = driver_->Add({Text("1"), Room(1)});
  const uint16_t second = driver_->Add({Text("2"), Room(1)});
  const auto one = *Take(), two = *Take();
  EXPECT_EQ(queue_.in_flight(), 2u);
  EXPECT_TRUE(Finish(two, "2"));
  EXPECT_FALSE(Finish(two, "2"));
  EXPECT_TRUE(Finish(one, "1"));
  EXPECT_EQ(driver_->TakeUsed()->head, second);
  EXPECT_EQ(driver_->TakeUsed()->head, first);
  EXPECT_FALSE(driver_->TakeUsed());
  EXPECT_EQ(queue_.in_flight(), 0u);
}

TEST_F(VhostUserQueue, AResponseOfAnEarlierRequestDoesNotAnswerALaterOneOfTheSameDescriptor) {
  Start();
  driver_->Add({Text("1"), Room(1)});
  const auto earlier = *Take();
  EXPECT_TRUE(Finish(earlier, "1"));
  driver_->TakeUsed();
  driver_->Add({Text("2"), Room(1)});
  const auto later = *Take();
  EXPECT_EQ(later.head, earlier.head);
  EXPECT_FALSE(Finish(earlier, "1"));
  queue_.Start(queue_.next_available());
  EXPECT_FALSE(Finish(later, "2"));
}

TEST_F(VhostUserQueue, IndicesGoThroughTheirWrapOverManyRequests) {
  Start(true, 0xfffc);
  for (int i = 0; i < 20; ++i) {
    const std::string text = "request " + std::to_string(i);
    const uint16_t head = driver_->Add({Text(text), Room(4)});
    const auto request = Take();
    ASSERT_TRUE(request);
    EXPECT_EQ(
        std::string(reinterpret_cast<const char*>(request->bytes.data()), request->bytes.size()),
        text);
    EXPECT_TRUE(Finish(*request, "ok"));
    EXPECT_EQ(driver_->TakeUsed(), (Used{head, 2}));
  }
  EXPECT_EQ(queue_.next_available(), 16u);
}

TEST_F(VhostUserQueue, WithoutEventIndexTheFlagSaysWhetherToInterrupt) {
  Start();
  driver_->Add({Text("1"), Room(1)});
  Finish(*Take(), "1");
  EXPECT_TRUE(queue_.WantsCall());
  driver_->SetNoInterrupt(true);
  driver_->Add({Text("2"), Room(1)});
  Finish(*Take(), "2");
  EXPECT_FALSE(queue_.WantsCall());
}

TEST_F(VhostUserQueue, WithEventIndexTheDriverIsInterruptedWhenItsEventIsReached) {
  Start(true);
  driver_->SetUsedEvent(2);
  std::vector<bool> calls;
  for (int i = 0; i < 4; ++i) {
    driver_->Add({Text("a"), Room(1)});
    Finish(*Take(), "a");
    calls.push_back(queue_.WantsCall());
  }
  // The first time the device cannot know what the driver saw.
  EXPECT_EQ(calls, (std::vector<bool>{true, false, true, false}));
}

TEST_F(VhostUserQueue, WithEventIndexArmingAsksForTheNextKick) {
  Start(true);
  driver_->Add({Text("1"), Room(1)});
  EXPECT_TRUE(driver_->NeedsKick());
  driver_->Add({Text("2"), Room(1)});
  EXPECT_FALSE(driver_->NeedsKick());
  EXPECT_EQ(TakenText(), "1");
  EXPECT_TRUE(queue_.ArmKick()) << "one is there already";
  EXPECT_EQ(TakenText(), "2");
  EXPECT_FALSE(queue_.ArmKick());
  EXPECT_EQ(driver_->AvailableEvent(), 2u);
  driver_->Add({Text("3"), Room(1)});
  EXPECT_TRUE(driver_->NeedsKick());
}

TEST_F(VhostUserQueue, RingsMustBeInMemoryAndAligned) {
  Start();
  const vhost::VringAddress good = driver_->Address(0);
  const auto refusal = [&](auto change) {
    vhost::VringAddress address = good;
    change(address);
    const Status placed = queue_.Place(memory_, address, false);
    return placed ? "" : placed.error().message;
  };
  EXPECT_EQ(refusal([](auto&) {}), "");
  EXPECT_THAT(
      refusal([](auto& a) { a.descriptors += 8; }),
      HasSubstr("the descriptor table at user address 0x7f0000000008 is not aligned to 16"));
  EXPECT_THAT(refusal([](auto& a) { a.available += 1; }), HasSubstr("not aligned to 2 bytes"));
  EXPECT_THAT(refusal([](auto& a) { a.used += 2; }), HasSubstr("not aligned to 4 bytes"));
  EXPECT_THAT(refusal([](auto& a) { a.used = ~uint64_t{3}; }), HasSubstr("is in no memory region"));
  EXPECT_THAT(refusal([this](auto& a) { a.available = kUserBase + ram_.size() - 8; }),
              HasSubstr("the available ring of 20 bytes"));
  EXPECT_THAT(refusal([](auto& a) { a.descriptors = kGuestBase; }), HasSubstr("descriptor table"));
}

TEST_F(VhostUserQueue, SizesThatNoQueueHasAreRefused) {
  EXPECT_THAT(queue_.SetSize(0).error().message, HasSubstr("a queue of 0 descriptors"));
  EXPECT_FALSE(queue_.SetSize(3));
  EXPECT_FALSE(queue_.SetSize(2048));
  EXPECT_FALSE(queue_.SetSize(0x80000000));
  EXPECT_TRUE(queue_.SetSize(1024));
}

// A driver that breaks the rules.

TEST_F(VhostUserQueue, AnAvailableIndexThatRunsAwayIsRefused) {
  Start();
  driver_->SetAvailableIndex(9);
  EXPECT_EQ(Refusal(),
            "the available index is 9, 9 after the last one taken, in a queue of 8 descriptors");
}

TEST_F(VhostUserQueue, AnAvailableIndexThatGoesBackIsRefused) {
  Start(false, 5);
  driver_->SetAvailableIndex(4);
  EXPECT_THAT(Refusal(), HasSubstr("the available index is 4, 65535 after"));
}

TEST_F(VhostUserQueue, AHeadOutsideTheTableIsRefused) {
  Start();
  driver_->Offer(8);
  EXPECT_EQ(Refusal(), "the available ring names descriptor 8 of 8");
}

TEST_F(VhostUserQueue, AHeadThatIsInFlightIsRefused) {
  Start();
  driver_->Offer(driver_->Add({Text("a"), Room(1)}));
  EXPECT_EQ(TakenText(), "a");
  EXPECT_THAT(Refusal(), HasSubstr("again before its request was answered"));
}

TEST_F(VhostUserQueue, AChainThatLoopsIsRefused) {
  Start();
  const Buffer text = Text("a");
  driver_->Write(0, text.address, text.size, kDescriptorNext, 1);
  driver_->Write(1, text.address, text.size, kDescriptorNext, 0);
  driver_->Offer(0);
  EXPECT_EQ(Refusal(),
            "the chain of descriptor 0 does not end within the 8 descriptors of its table");
}

TEST_F(VhostUserQueue, AnIndirectChainThatLoopsIsRefused) {
  Start();
  OfferTable({{kGuestBase, 1, kDescriptorNext, 0}}, 16);
  EXPECT_THAT(Refusal(), HasSubstr("does not end within the 1 descriptors"));
}

TEST_F(VhostUserQueue, AChainThatLeavesItsTableIsRefused) {
  Start();
  driver_->Write(0, kGuestBase, 1, kDescriptorNext, 8);
  driver_->Offer(0);
  EXPECT_EQ(Refusal(), "the chain of descriptor 0 goes on at descriptor 8 of 8");
}

TEST_F(VhostUserQueue, AnIndirectChainThatLeavesItsTableIsRefused) {
  Start();
  OfferTable({{kGuestBase, 1, kDescriptorNext, 7}, {kGuestBase, 1, 0, 0}}, 32);
  EXPECT_THAT(Refusal(), HasSubstr("goes on at descriptor 7 of 2"));
}

TEST_F(VhostUserQueue, AnIndirectTableInsideAnIndirectTableIsRefused) {
  Start();
  OfferTable({{kGuestBase, 16, kDescriptorIndirect, 0}}, 16);
  EXPECT_THAT(Refusal(), HasSubstr("an indirect descriptor where none is allowed"));
}

TEST_F(VhostUserQueue, AnIndirectTableThatWasNotNegotiatedIsRefused) {
  Start();
  driver_->AddIndirect({Text("a")});
  EXPECT_THAT(Refusal(false), HasSubstr("an indirect descriptor where none is allowed"));
}

TEST_F(VhostUserQueue, AnIndirectDescriptorThatGoesOnIsRefused) {
  Start();
  OfferTable({{kGuestBase, 1, 0, 0}}, 16, kDescriptorNext);
  EXPECT_THAT(Refusal(), HasSubstr("goes on behind an indirect descriptor"));
}

class VhostUserIndirectLength : public VhostUserQueue,
                                public testing::WithParamInterface<uint32_t> {};

TEST_P(VhostUserIndirectLength, ThatNoTableHasIsRefused) {
  Start();
  OfferTable({{kGuestBase, 1, 0, 0}}, GetParam());
  EXPECT_THAT(Refusal(), HasSubstr("has an indirect table of " + std::to_string(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(Lengths, VhostUserIndirectLength,
                         testing::Values(0, 15, 17, (limits::kMaxChainDescriptors + 1) * 16,
                                         0xfffffff0));

TEST_F(VhostUserQueue, AnIndirectTableOutsideMemoryIsRefused) {
  Start();
  driver_->Write(0, kGuestBase + ram_.size() - 16, 32, kDescriptorIndirect);
  driver_->Offer(0);
  EXPECT_THAT(Refusal(), HasSubstr("an indirect table outside guest memory, at 0x407ffff0"));
}

TEST_F(VhostUserQueue, ABufferOutsideMemoryIsRefused) {
  Start();
  driver_->Add({{kGuestBase + ram_.size() - 1, 2, false}});
  EXPECT_EQ(Refusal(),
            "the chain of descriptor 0 has a buffer outside guest memory, at "
            "0x407fffff of 2 bytes");
}

TEST_F(VhostUserQueue, ABufferThatWrapsTheAddressSpaceIsRefused) {
  Start();
  driver_->Add({{~uint64_t{0}, 0xffffffff, true}});
  EXPECT_THAT(Refusal(), HasSubstr("room for a response outside guest memory, at "
                                   "0xffffffffffffffff of 4294967295 bytes"));
}

TEST_F(VhostUserQueue, AReadableBufferBehindAWritableOneIsRefused) {
  Start();
  driver_->Add({Room(1), Text("a")});
  EXPECT_THAT(Refusal(), HasSubstr("a readable buffer behind a writable one"));
}

TEST_F(VhostUserQueue, ARequestAboveTheLimitIsRefusedBeforeItIsCopied) {
  Start();
  // The same 8 MiB again and again.
  std::vector<Buffer> buffers(40, {kGuestBase, 8u << 20, false});
  driver_->AddIndirect(buffers);
  EXPECT_THAT(Refusal(), HasSubstr("the limit is 268439552"));
}

TEST_F(VhostUserQueue, RoomThatIsNoLongerInMemoryIsAnErrorOfTheQueue) {
  Start();
  driver_->Add({Text("a"), Room(4)});
  const auto request = *Take();
  const auto finished =
      queue_.Finish(vhost::MemoryTable(), request.head, request.serial, Bytes(request.bytes));
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().message, HasSubstr("no longer in guest memory"));
}

TEST_F(VhostUserQueue, ARequestIsItsFirstCopyWhateverTheGuestWritesLater) {
  Start();
  const Buffer text = Text("before");
  driver_->Add({text, Room(4)});
  const auto request = *Take();
  ram_.Write(text.address, std::as_bytes(std::span("after!", 6)));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(request.bytes.data()), request.bytes.size()),
            "before");
}

// A guest's other processor rewrites descriptors, rings and indirect tables while they are read.
// Whatever mixture is seen, it is a request or an error, never a read or write outside memory.
TEST_F(VhostUserQueue, MemoryThatChangesWhileItIsReadIsARequestOrAnError) {
  Start(true);
  const Buffer text = Text("text");
  const Buffer room = Room(16);
  const uint64_t table = ram_.Allocate(64 * sizeof(Descriptor));
  std::atomic<bool> stop = false;
  std::thread guest([&] {
    std::minstd_rand random(1);
    while (!stop) {
      const uint64_t places[] = {text.address, room.address, table, kGuestBase + ram_.size() - 4,
                                 ~uint64_t{0} - 8};
      const Descriptor made = {places[random() % 5], static_cast<uint32_t>(random() % 40),
                               static_cast<uint16_t>(random() % 8),
                               static_cast<uint16_t>(random() % 9)};
      driver_->Write(static_cast<uint16_t>(random() % kSize), made.address, made.length, made.flags,
                     made.next);
      ram_.Write(table + random() % 64 * sizeof(made), std::as_bytes(std::span(&made, 1)));
    }
  });
  int requests = 0, errors = 0;
  for (int i = 0; i < 20000; ++i) {
    queue_.Start(queue_.next_available());
    driver_->SetAvailableIndex(queue_.next_available());
    driver_->Offer(static_cast<uint16_t>(i % kSize));
    const auto request = queue_.Take(memory_, true);
    if (request && *request) {
      ++requests;
      EXPECT_TRUE(queue_.Finish(memory_, (*request)->head, (*request)->serial,
                                std::as_bytes(std::span("response", 8))));
    } else {
      ++errors;
    }
  }
  stop = true;
  guest.join();
  EXPECT_GT(requests, 0);
  EXPECT_GT(errors, 0);
}

}  // namespace
}  // namespace vgpu::test
