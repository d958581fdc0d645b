"""The chat completions format, as OpenAI documents it and as some thirty vendors speak it.

Beside the documented fields this gateway writes and reads, where no field exists:
- `reasoning_content` on messages and deltas: the model's thinking as text;
- `thinking_blocks` on messages and deltas: thinking with its signature, or encrypted, as whole
  blocks `{"type": "thinking", "thinking", "signature"}` and `{"type": "redacted_thinking",
  "data"}`; a client that sends the message back keeps it, or the provider may refuse the turn. In
  deltas each block has its `index`, by which the SDK puts lists together;
- `cache_control` on content parts and tools: a prompt-cache breakpoint.
"""
