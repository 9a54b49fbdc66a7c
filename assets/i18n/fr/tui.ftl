# Les mots des écrans.

app-name = Atelier

## Touches

key-space = Espace
key-page-up = Page↑
key-page-down = Page↓
key-home = Début
key-end = Fin
key-escape = Échap
key-back-tab = Maj-Tab

command-check = vérifier
command-stop = arrêter
command-hint = indice
command-solution = solution
command-apply = appliquer
command-reset = refaire l’étape
command-next = suite
command-previous = précédente
command-map = carte
command-search = chercher
command-help = aide
command-tour = visite guidée
command-zoom = agrandir
command-terminal = terminal
command-text = texte
command-checks = contrôles
command-activate = valider
command-copy = copier
command-next-block = bloc suivant
command-previous-block = bloc précédent
command-up = monter
command-down = descendre
command-page-up = page précédente
command-page-down = page suivante
command-top = au début
command-bottom = à la fin
command-back = fermer
command-yes = oui
command-no = non
command-catch-up = rattraper jusqu’ici
command-next-file = fichier suivant
command-send-prefix = envoyer la touche au terminal
command-quit = quitter
command-act = agir sur le bloc
command-open = ouvrir
command-restart = relancer
command-answer-or-show = répondre ou voir
command-take-hint = prendre le suivant
command-cancel = annuler
command-skip = passer
command-dismiss = effacer le message
command-copy-command = copier la commande

context-text = Dans le texte
context-prefix = Dans le terminal
context-shell-ended = Terminal arrêté
context-checks = Devant les contrôles
context-choice = Devant un choix
context-hints = Devant les indices
context-confirm = Devant une question
context-map = Sur la carte
context-solution = Devant la solution
context-search = En cherchant
context-help = Dans l’aide
context-tour = Pendant la visite
context-input = En écrivant

## Titres

pane-text = Consigne
pane-terminal = Terminal
pane-checks = Contrôles
title-question = Question
title-help = Aide
title-hints = Indices
title-map = Carte
title-search = Chercher
title-solution = Solution
title-tour = Visite guidée
title-notice = Message

## Environnement et points

environment-starting = démarrage…
environment-missing = pas d’environnement
environment-sandbox = bac à sable
environment-sandbox-nodes = { $nodes ->
    [one] bac à sable · { $nodes } nœud
   *[other] bac à sable · { $nodes } nœuds
}
environment-unconfirmed = cluster { $context } (à confirmer)
environment-cluster = cluster { $context }
points = { $points ->
    [one] { $points } pt
   *[other] { $points } pts
}
points-of = { $points }/{ $most } pts
step-worth = { $points ->
    [one] { $points } point
   *[other] { $points } points
} · environ { $minutes } min

## Contrôles

no-checks = Cette étape n’a pas de contrôle.
check-question = question : ⏎ répondre
check-todo = à vérifier
check-running = en cours, { $seconds } s
check-pass = réussi
check-fail = échoué
check-unknown = impossible de conclure
summary-found = { "\u00A0" }: { $found }
verdict-todo = à vérifier
verdict-running = en cours
verdict-pass = réussi
verdict-fail = échoué
verdict-unknown = impossible de conclure
label-found = Trouvé
label-expected = Attendu
label-why = Pourquoi
label-try = À essayer
label-answer = Réponse
label-show = Voir
show-command = ⏎ lance dans le terminal : { $command }

## Blocs

block-run = lancer
block-write = écrire
block-copy = copier
block-elsewhere = À lancer sur { $host }
block-file = Fichier { $path }
block-output = Résultat attendu
image = Image
image-words = Image : { $alt }
image-not-png = Elle n’est pas montrée : seul le format PNG l’est ici.
image-too-large = Elle n’est pas montrée : elle est trop grande.
image-damaged = Elle n’est pas montrée : le fichier est abîmé.
alert-note = Note
alert-tip = Astuce
alert-important = Important
alert-warning = Attention
alert-caution = Prudence

## Indices

hint-number = Indice { $number } sur { $count }
hint-none = Cette étape n’a pas d’indice.
hint-no-more = Tous les indices sont pris.
hint-next = { $left ->
    [one] Il reste { $left } indice.
   *[other] Il reste { $left } indices.
} Prendre le suivant coûte { $cost } % des points de l’étape : touche { $key }.

## Carte

state-todo = à faire
state-tried = commencée
state-done = réussie
state-held = retenue par { $by } : { $why }
state-impossible = impossible ici : { $need }
need-cluster = demande un cluster
need-node = demande le nœud { $node }
need-sandbox = demande le bac à sable
need-docker = demande Docker

## Recherche

search-intro = Écrivez un ou plusieurs mots du texte des étapes.
search-nothing = Rien de tel dans les étapes.

## Solution

solution-yours = Votre fichier
solution-theirs = Solution
solution-absent = Vous n’avez pas ce fichier
solution-binary = Ce fichier n’est pas du texte.
solution-large = Ce fichier est trop long pour être comparé ici.
solution-answers = Réponses
solution-coming = La solution arrive…

## Questions du programme

confirm-quit-title = Quitter
confirm-quit = Une commande ou des contrôles tournent encore. Ils seront arrêtés. Votre progression est gardée.
confirm-reset-title = Refaire l’étape
confirm-reset = L’étape revient à son état de départ. Vos fichiers modifiés sont mis de côté, rien n’est perdu.
confirm-solution-title = Voir la solution
confirm-solution = { $points ->
    [0] Voir la solution ne laisse aucun point (sur { $most }) à cette étape,
    [one] Voir la solution laisse { $points } point sur { $most } à cette étape,
   *[other] Voir la solution laisse { $points } points sur { $most } à cette étape,
} si elle n’est pas déjà réussie. Ce choix sera noté.
confirm-apply-title = Appliquer la solution
confirm-apply = Les fichiers de la solution remplacent les vôtres (mis de côté), et ses commandes sont lancées. Ce choix sera noté.
confirm-catch-up-title = Rattraper
confirm-catch-up = Les solutions des étapes précédentes sont appliquées et vérifiées, puis « { $title } » s’ouvre.
confirm-cluster-title = Cluster réel
confirm-cluster = Vous allez travailler sur un vrai cluster.
    Contexte : { $context }
    Serveur : { $server }
    Les étapes créent et suppriment des objets dans leurs Namespaces. Continuer ?
confirm-course-title = Parcours venu d’ailleurs
confirm-course = Le parcours « { $title } » ne fait pas partie du programme. Ses étapes lancent des commandes sur cette machine.
    Empreinte : { $digest }
    Acceptez-le si cette empreinte est celle que votre formateur vous a donnée.
confirm-interrupt-title = Une commande tourne
confirm-interrupt = Une commande tourne dans le terminal. L’arrêter par Ctrl-C, puis envoyer :

## Ce que le programme dit

said-unknown = { $title } : impossible de conclure
said-shell-stays = Une commande tourne : le terminal reste dans son dossier
said-copied = Copié
said-copied-for = Copié, à lancer sur { $host }
said-no-checks = Cette étape n’a pas de contrôle
said-nothing-to-show = Rien à montrer pour ce contrôle
said-no-solution = Cette version du programme n’a pas la solution de cette étape
said-last-step = C’était la dernière étape
said-first-step = C’est la première étape

status-starting = Préparation…
status-waiting = Envoyé dès que le terminal attend une commande
status-busy = { $what }, { $seconds } s · { $key } arrêter
status-passed = ✔ Étape réussie ({ $points } pts), touche n : suite. { $learnt }
status-held = Étape retenue par { $by } : { $why }
status-impossible = { $need } Elle se lit, mais ne se fait pas ici.
work-preparing = Préparation de l’étape
work-checking = Vérification
work-resetting = Remise au départ
work-applying = Application de la solution
work-catching-up = Rattrapage { $done }/{ $total } : { $title }

## Terminal

terminal-scrolled = ↑ { $lines } lignes
shell-ended = Le terminal s’est arrêté. ⏎ le relance.
shell-ended-code = Le terminal s’est arrêté (code { $code }). ⏎ le relance.
shell-failed = Le terminal n’a pas pu démarrer : { $why }. ⏎ réessaie.
shell-still-busy = La commande ne s’est pas arrêtée : rien n’a été envoyé
footer-terminal = puis une touche : Tab texte, c vérifier, ? aide

too-small = Cette fenêtre est trop petite : il faut { $columns } colonnes et { $rows } lignes.

## Aide et visite

help-intro = Le texte ou le terminal a la main ; son titre est en inverse. Dans le terminal, toutes les touches vont à votre shell, sauf { $prefix } : la touche suivante est alors une commande d’Atelier.
help-marks-title = Signes
help-marks = ✔ réussi   ✘ échoué   ? impossible de conclure   ◌ en cours   · à vérifier
help-mouse = La souris choisit un volet ou un bloc ; la molette fait défiler. Maj enfoncée, elle sélectionne du texte comme d’habitude.
tour-page = { $page } sur { $pages }

## Erreurs

error-not-a-terminal = L’entrée ou la sortie n’est pas un terminal. « atelier run --plain » donne les mêmes exercices ligne par ligne.
error-dumb-terminal = Ce terminal ne sait pas afficher d’écran (TERM). « atelier run --plain » donne les mêmes exercices ligne par ligne.
error-terminal = Le terminal ne répond plus : { $why }.
error-session-gone = La session s’est arrêtée de façon inattendue. Votre progression est gardée ; relancez « atelier ».
error-panicked = Une partie du programme s’est arrêtée par erreur. Votre progression est gardée ; relancez « atelier ».

## Mode linéaire

plain-welcome = Atelier, mode linéaire. Tapez aide pour la liste des mots.
plain-step = { $course }, { $chapter } : { $title }
plain-objectives = Objectifs :
plain-alert = { $title } :
plain-cell = { $name } : { $cell }
plain-image = Image : { $alt }
plain-block-run = Bloc { $number }, à lancer :
plain-block-elsewhere = Bloc { $number }, à lancer sur { $host } :
plain-block-file = Bloc { $number }, fichier { $path } :
plain-block-output = Résultat attendu :
plain-block-read = À lire :
plain-check = Contrôle { $number }, { $title } : { $state }.
plain-labelled = { $label } : { $text }
plain-answer = Votre réponse : { $answer }
plain-passed = Étape réussie, { $points ->
    [one] { $points } point
   *[other] { $points } points
}. { $learnt } Tapez suite.
plain-map-step = { $number }. { $title } : { $state }, { $points } sur { $most }
plain-solution-answer = Réponse au contrôle { $check } : { $answer }
plain-apply = Tapez appliquer pour mettre cette solution en place.
plain-hint-next = { $left ->
    [one] Il reste { $left } indice.
   *[other] Il reste { $left } indices.
} Prendre le suivant coûte { $cost } % des points de l’étape.
plain-running = La commande est lancée.
plain-ran = La commande est finie.
plain-ran-code = La commande est finie avec le code { $code }.
plain-ran-stopped = La commande a été arrêtée.
plain-not-run = La commande n’a pas pu être lancée : { $why }.
plain-shell = Terminal ouvert. Tapez exit pour revenir.
plain-elsewhere = Ce bloc se lance sur { $host }, pas ici.
plain-which-block = Dites quel bloc : lancer 1, par exemple. Cette étape en a { $count }.
plain-which-check = Dites quel contrôle : détails 1, par exemple.
plain-which-question = Dites quelle question, puis la réponse : répondre 3 b, par exemple.
plain-which-step = Dites quelle étape, par son numéro sur la carte : aller 2, par exemple.
plain-unknown-word = Je ne connais pas « { $word } ». Tapez aide.
plain-yes-or-no = Répondez oui ou non.
plain-left = Rien n’est fait.
plain-how-to-quit = Tapez quitter pour finir.
plain-help = lire : relit l’étape.
    lancer N : lance ou écrit le bloc N.
    terminal : ouvre un shell dans le dossier de l’étape ; exit en revient.
    vérifier, vérifier N : vérifie tout, ou le contrôle N.
    contrôles : où en sont les contrôles.
    détails N : ce que le contrôle N a trouvé, ce qu’il attend, pourquoi, quoi essayer.
    répondre N réponse : répond à la question N.
    indice : prend l’indice suivant.
    solution : montre la solution, après une question. appliquer : la met en place.
    refaire : remet l’étape à son départ.
    suite, précédente : change d’étape. carte : toutes les étapes. aller N : ouvre l’étape N.
    rattraper N : met en place les solutions des étapes avant N.
    chercher mots : cherche dans le texte des étapes.
    arrêter : arrête ce qui tourne.
    quitter : finit. La progression est gardée.
