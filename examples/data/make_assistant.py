#!/usr/bin/env python3
"""Makes the data set `assistant`: intents and slots of requests to a voice assistant, in CoNLL form.

  make_assistant.py OUT_DIR

The sentences come from templates, with what makes real ones hard: the same word fills different slots (a city may be
left, reached or passed; `florence` is a person, a city and a song), slots open with words that also occur outside of
them, free text runs into what follows, words are misspelled, dropped or repeated, fillers stand anywhere, and dev and
test hold values that train never shows. A word's most frequent tag is therefore often wrong. Always the same output.
"""
import os
import random
import sys

CITIES = """london paris sydney florence lincoln jackson austin madison victoria charlotte berlin vienna oslo turin lyon porto
geneva dublin warsaw hamburg split nice bath reading cork york boston orlando phoenix houston dallas""".split() + [
    "new york", "los angeles", "san jose", "saint paul", "kansas city", "salt lake city", "new orleans", "santa maria", "la paz"]
HELD_CITIES = ["seville", "tromso", "antwerp", "santa fe", "cape town", "leeds", "kyoto", "quito", "rio verde"]
PEOPLE = """anna florence sydney austin madison victoria charlotte lincoln jackson mark may june april grace joy rose bill will frank
jack paris tom maria""".split() + ["anna maria", "mary jane", "uncle bob", "my mother", "my boss", "the landlord", "doctor brown", "grace may"]
HELD_PEOPLE = ["ingrid", "oskar", "aunt lucy", "pedro", "my neighbour", "hope", "summer rose"]
TITLES = ["paris", "florence", "yesterday", "the long road", "call me in the morning", "tonight", "rain in london", "at seven",
          "nine to five", "leaving new york", "all the lights", "kitchen blues", "monday monday", "friday on my mind", "by the river",
          "milk and honey", "mary jane", "anna", "remind me", "wake up", "the weather in my head", "sweet april", "red lights",
          "two tickets", "from boston to berlin", "my mother said", "bedroom window", "some more time"]
HELD_TITLES = ["north of leeds", "light the night", "a table for two", "cold coffee", "june in tromso", "ingrid", "quarter past"]
ARTISTS = ["florence", "boston", "kansas", "berlin", "chicago", "the kitchen lights", "paul young", "madison", "april rain", "lincoln",
           "the monday club", "grace jones", "tom and mary", "rose", "milk", "red", "phoenix", "the mornings", "austin", "seven"]
HELD_ARTISTS = ["kyoto", "the landlords", "oskar blue", "summer", "table nine"]
ITEMS = ["milk", "honey", "bread", "red wine", "two lemons", "rice", "lights", "batteries", "tomatoes", "coffee", "some cheese", "a cake",
         "paper towels", "olive oil", "tickets", "a red scarf", "roses", "tea", "brown sugar", "apples", "kitchen knives"]
HELD_ITEMS = ["basil", "dark bread", "a green lamp", "three limes", "salt", "window cleaner"]
LISTS = ["shopping", "party", "work", "kitchen", "weekend", "london", "birthday", "monday", "road trip"]
ROOMS = ["kitchen", "bedroom", "living room", "bathroom", "hall", "reading room", "office", "garden", "guest room", "work room"]
COLORS = ["red", "blue", "green", "white", "warm white", "amber", "rose", "dark blue"]
DAYS = ["monday", "tuesday", "friday", "sunday", "tomorrow", "today", "tonight", "next monday", "next week", "this weekend", "on may first",
        "the second of june", "in april", "friday night", "in two days"]
TIMES = ["seven", "nine", "noon", "at five", "half past six", "quarter to ten", "ten thirty", "in the morning", "at night", "six in the evening",
         "midnight", "two", "around eight", "before nine"]
FOODS = ["thai", "indian", "pizza", "vegan", "tapas", "new york style", "sushi", "breakfast", "red curry", "coffee", "austrian", "florence style"]
COUNTS = ["two", "three", "a", "four", "ten", "one"]
MESSAGES = ["i will be late", "call me tomorrow", "dinner at seven", "happy birthday", "the train from paris is late", "buy some milk",
            "see you on friday", "the lights are on", "meet me in the kitchen", "where are you", "play it again", "we need two tickets",
            "i am in london until monday", "the weather is bad", "thanks for the roses", "ask anna"]
HELD_MESSAGES = ["no table left", "we leave leeds at ten", "the lamp is green", "bring salt and bread"]

# Every {slot} draws from POOLS; text around it is O.
POOLS = {
    "from": (CITIES, HELD_CITIES), "to": (CITIES, HELD_CITIES), "via": (CITIES, HELD_CITIES), "place": (CITIES, HELD_CITIES),
    "person": (PEOPLE, HELD_PEOPLE), "recipient": (PEOPLE, HELD_PEOPLE), "title": (TITLES, HELD_TITLES), "artist": (ARTISTS, HELD_ARTISTS),
    "item": (ITEMS, HELD_ITEMS), "list": (LISTS, []), "room": (ROOMS, []), "color": (COLORS, []), "day": (DAYS, []), "time": (TIMES, []),
    "food": (FOODS, []), "count": (COUNTS, []), "message": (MESSAGES, HELD_MESSAGES),
}
TEMPLATES = {
    "book_trip": ["book {count} tickets from {from} to {to} {day}", "i need to get to {to} from {from} {day} {time}",
                  "a train to {to} via {via} {day}", "{from} to {to} {time}", "leaving {from} {day} for {to}",
                  "find me a seat to {to} through {via} leaving {from} {time}", "get {person} to {to} {day}",
                  "how do i reach {to} if i start in {from}", "tickets to {to} for {person} and me {day}", "{to} from {from} via {via}"],
    "weather": ["weather in {place} {day}", "will it rain {day} in {place}", "how cold is it in {place} {time}", "is {place} nice {day}",
                "do i need a coat in {place} {day}", "{place} {day} sun or rain", "what is it like in {place}", "weather for {person} in {place}"],
    "play_music": ["play {title} by {artist}", "play {title}", "put on some {artist}", "i want to hear {artist} {title}",
                   "play {artist} in the {room}", "{title} please", "listen to {title} from {artist}", "some music by {artist} {time}",
                   "play the song {title} for {person}", "more like {title}"],
    "set_alarm": ["wake me up at {time} {day}", "alarm {time}", "set an alarm for {day} {time}", "get {person} up {time}",
                  "alarm {day} called {title}", "wake me {day} with {title}", "i have to be up by {time} {day}"],
    "send_message": ["tell {recipient} {message}", "text {recipient} that {message}", "send {message} to {recipient}", "write to {recipient} {message}",
                     "message {recipient} saying {message} {time}", "let {recipient} know {message}", "ask {recipient} about {person}"],
    "add_item": ["add {item} to the {list} list", "put {item} on my {list} list", "we need {item} and {item}", "buy {item} {day}",
                 "{item} on the list for {person}", "get {count} {item} for the {list} list", "remember {item} from {place}"],
    "set_light": ["turn the {room} lights {color}", "make the {room} {color}", "lights on in the {room} {time}", "{color} light in the {room}",
                  "dim the {room} {time}", "switch off the {room}", "{room} {color} please", "lights off {time} everywhere but the {room}"],
    "find_food": ["find {food} in {place}", "book a table for {count} {day} {time}", "{food} place near {place}", "where can {person} get {food} {time}",
                  "a table in {place} for {person} and {person} {day}", "is there {food} open {time}", "i want {food} {day}",
                  "table for {count} at {artist} in {place}"],
}
FILLERS = ["please", "um", "hey", "can you", "now", "just", "maybe", "okay", "so", "could you", "again", "thanks", "well"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def misspell(rng, word):
    if len(word) < 4:
        return word
    i = rng.randrange(len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if kind == 1:
        return word[:i] + word[i + 1:]
    return word[:i] + rng.choice(LETTERS) + word[i + 1:]


def sentence(rng, intent, held):
    """[(word, tag)] of one request; `held` is the chance that a value is one of those that train never shows."""
    out = []
    for piece in rng.choice(TEMPLATES[intent]).split():
        if piece.startswith("{"):
            slot = piece[1:-1]
            seen, unseen = POOLS[slot]
            value = rng.choice(unseen if unseen and rng.random() < held else seen)
            # "on", "in" and "at" belong to no slot, as in most annotation guidelines.
            words = value.split()
            while len(words) > 1 and words[0] in ("on", "in", "at", "around", "before") and slot in ("day", "time"):
                out.append((words.pop(0), "O"))
            out += [(w, ("B-" if i == 0 else "I-") + slot) for i, w in enumerate(words)]
        else:
            out.append((piece, "O"))
    if rng.random() < 0.35:
        where = rng.choice([0, len(out)])
        out[where:where] = [(w, "O") for w in rng.choice(FILLERS).split()]
    if rng.random() < 0.12:  # a function word is dropped
        drop = [i for i, (_, t) in enumerate(out) if t == "O"]
        if drop and len(out) > 2:
            out.pop(rng.choice(drop))
    return [(misspell(rng, w) if rng.random() < 0.04 else w, t) for w, t in out]


def write(path, rng, count, held, wrong):
    intents = sorted(TEMPLATES)
    with open(path, "w", encoding="utf-8") as f:
        for _ in range(count):
            intent = rng.choice(intents)
            rows = sentence(rng, intent, held)
            # Annotators err, too.
            label = rng.choice(intents) if rng.random() < wrong else intent
            f.write(f"# intent = {label}\n" + "".join(f"{w}\t{t}\n" for w, t in rows) + "\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    rng = random.Random(20)
    write(os.path.join(sys.argv[1], "train.conll"), rng, 3600, 0.0, 0.01)
    write(os.path.join(sys.argv[1], "dev.conll"), rng, 400, 0.15, 0.0)
    write(os.path.join(sys.argv[1], "test.conll"), rng, 400, 0.15, 0.0)


main()
