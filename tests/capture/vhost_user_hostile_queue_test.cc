// A driver that breaks the rules of virtqueues.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "format/protocol/limits.h"
#include "tests/capture/vhost_user_queue_support.h"

namespace vgpu::test {
namespace {

using ::testing::HasSubstr;
using Buffer = DriverQueue::Buffer;
using vhost::Descriptor;
using vhost::kDescriptorIndirect;
using vhost::kDescriptorNext;

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

// A guest's other processor rewrites descriptors and indirect tables while they are read.
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
  // Until the other thread has had its turn, whenever that is.
  for (int i = 0; i < 20000 || requests == 0 || errors == 0; ++i) {
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
}

}  // namespace
}  // namespace vgpu::test
