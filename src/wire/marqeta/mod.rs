//! The card platform's Gateway JIT Funding: its messages in, its answers out.
