//! Graph, diff and plan (pure); execute, journal, lock and store (I/O).
