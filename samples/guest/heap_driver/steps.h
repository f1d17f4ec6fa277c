// What the driver does with a device and its heap. Each step says what it did, or ends the program.
#pragma once

#include "heap_guest.h"

// Draws `count` frames of a moving pattern in two buffers of the heap, shows each, and compares
// what comes back from the host. The last one stays.
void DrawFrames(HeapGuest* guest, int count);
// Has a context clear a render target of the heap to `count` colours, shows each and compares it.
void ClearTargets(HeapGuest* guest, int count);
// Shows a cursor in `count` places, and hides it.
void MoveCursor(HeapGuest* guest, int count);
// Makes and destroys `count` resources of mixed sizes, a few of them live at once.
void Churn(HeapGuest* guest, int count);
// Asks for what no device should grant, and says how it answers.
void AskForWhatMustBeRefused(HeapGuest* guest, int count);
