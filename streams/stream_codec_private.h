/* What writing and reading a stream in the RDB format share. */
#ifndef STREAMS_STREAM_CODEC_PRIVATE_H
#define STREAMS_STREAM_CODEC_PRIVATE_H

enum { STREAM_ENTRY_DELETED = 1 << 0, STREAM_ENTRY_SAME_FIELDS = 1 << 1 };

enum { STREAM_ID_BYTES = 16 };

#endif
