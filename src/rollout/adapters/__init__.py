"""Other SDKs' session interfaces over threads: agents written with them record here by changing one line.

Each adapter is a module of its own and needs its SDK only when it is imported: ``openai_agents`` (the Session of
the OpenAI Agents SDK), ``pydantic_ai`` (the ConversationStore of Pydantic AI).
"""
